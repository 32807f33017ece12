// GDCM as a peer: what it makes of one file, and how fast it decodes.
//
//   peer-gdcm samples FILE OUT      frame 1 as decoded; see tests/tools/decode-samples.c
//   peer-gdcm rate FILE SECONDS     prints frames per second: every round reads
//                                   the file anew and decodes all its frames with
//                                   ImageReader and Image::GetBuffer
//
// SPDX-License-Identifier: MIT
#include <gdcmImageReader.h>
#include <gdcmTrace.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>
#include <vector>

static unsigned long decode(const char *path, std::vector<char> &cells, std::string &head)
{
	gdcm::ImageReader reader;
	char line[256];

	reader.SetFileName(path);
	if (!reader.Read())
		throw std::runtime_error("cannot read it");
	const gdcm::Image &image = reader.GetImage();
	const gdcm::PixelFormat &format = image.GetPixelFormat();
	cells.resize(image.GetBufferLength());
	if (cells.empty() || !image.GetBuffer(cells.data()))
		throw std::runtime_error("cannot decode it");
	const unsigned long frames =
		image.GetNumberOfDimensions() > 2 ? image.GetDimension(2) : 1;
	std::snprintf(line, sizeof(line), "%u %u %u %u %u %u 0 %s\n", image.GetDimension(1),
		      image.GetDimension(0), format.GetSamplesPerPixel(), format.GetBitsAllocated(),
		      format.GetPixelRepresentation(), image.GetPlanarConfiguration(),
		      image.GetPhotometricInterpretation().GetString());
	head = line;
	return frames;
}

static void samples(const char *path, const char *to)
{
	std::vector<char> cells;
	std::string head;
	const unsigned long frames = decode(path, cells, head);
	const size_t size = cells.size() / frames;
	FILE *out = std::fopen(to, "wb");

	if (out == nullptr || std::fputs(head.c_str(), out) < 0 ||
	    std::fwrite(cells.data(), 1, size, out) != size || std::fclose(out) != 0)
		throw std::runtime_error(std::string("cannot write ") + to);
}

// Frames per second, and per second of processor time of all threads.
static void rate(const char *path, double limit)
{
	const auto start = std::chrono::steady_clock::now();
	std::vector<char> cells;
	std::string head;
	unsigned long frames = 0;
	double took;

	do {
		frames += decode(path, cells, head);
		took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
			       .count();
	} while (took < limit);
	const double count = static_cast<double>(frames);
	std::printf("%.2f %.2f\n", count / took, count * CLOCKS_PER_SEC / static_cast<double>(std::clock()));
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		std::fprintf(stderr, "usage: peer-gdcm samples|rate FILE OUT|SECONDS\n");
		return 2;
	}
	gdcm::Trace::WarningOff();
	gdcm::Trace::ErrorOff();
	gdcm::Trace::DebugOff();
	try {
		if (std::strcmp(argv[1], "samples") == 0)
			samples(argv[2], argv[3]);
		else
			rate(argv[2], std::strtod(argv[3], nullptr));
	} catch (const std::exception &error) {
		std::fprintf(stderr, "%s\n", error.what());
		return 1;
	}
	return 0;
}
