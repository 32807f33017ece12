// DCMTK as a peer: what it makes of one file, and how fast it decodes.
//
//   peer-dcmtk samples FILE OUT      frame 1 as decoded; see tests/tools/decode-samples.c
//   peer-dcmtk picture FILE OUT      frame 1 as DicomImage shows it: PGM or PPM
//   peer-dcmtk rate FILE SECONDS     prints frames per second: every round loads
//                                    the file anew and decodes all its frames
//                                    with DcmPixelData::getUncompressedFrame
//   peer-dcmtk pictures FILE SECONDS   the same of frame 1 to 8 bits by DicomImage
//
// SPDX-License-Identifier: MIT
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmimage/diregist.h>
#include <dcmtk/dcmimgle/dcmimage.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>
#include <vector>

static void must(const OFCondition &condition, const char *what)
{
	if (condition.bad())
		throw std::runtime_error(std::string(what) + ": " + condition.text());
}

static unsigned number(DcmItem *dataset, const DcmTagKey &tag, unsigned otherwise)
{
	Uint16 value;

	return dataset->findAndGetUint16(tag, value).good() ? value : otherwise;
}

struct Frames {
	std::vector<char> cells; // of the last one
	OFString colour;
	unsigned long count = 0;
	unsigned rows, columns, samples, bits, planar, is_signed;
};

static void decode(const char *path, Frames &frames, bool all)
{
	DcmFileFormat file;
	DcmElement *element = nullptr;
	Sint32 count = 1;
	Uint32 size = 0, fragment = 0;

	must(file.loadFile(path), "load");
	DcmDataset *dataset = file.getDataset();
	must(dataset->findAndGetElement(DCM_PixelData, element), "pixel data");
	DcmPixelData *pixels = OFdynamic_cast(DcmPixelData *, element);
	if (pixels == nullptr)
		throw std::runtime_error("no pixel data");
	frames.rows = number(dataset, DCM_Rows, 0);
	frames.columns = number(dataset, DCM_Columns, 0);
	frames.samples = number(dataset, DCM_SamplesPerPixel, 1);
	frames.bits = number(dataset, DCM_BitsAllocated, 0);
	frames.planar = number(dataset, DCM_PlanarConfiguration, 0);
	frames.is_signed = number(dataset, DCM_PixelRepresentation, 0);
	dataset->findAndGetOFString(DCM_PhotometricInterpretation, frames.colour);
	if (dataset->findAndGetSint32(DCM_NumberOfFrames, count).bad() || count < 1)
		count = 1;
	must(pixels->getUncompressedFrameSize(dataset, size), "frame size");
	frames.cells.resize(size + (size & 1));
	for (Sint32 frame = 0; frame < (all ? count : 1); frame++) {
		OFString colour;

		must(pixels->getUncompressedFrame(dataset, static_cast<Uint32>(frame), fragment,
						  frames.cells.data(),
						  static_cast<Uint32>(frames.cells.size()), colour),
		     "decode");
		if (!colour.empty())
			frames.colour = colour;
		frames.count++;
	}
	// The codecs may have changed it.
	frames.planar = number(dataset, DCM_PlanarConfiguration, frames.planar);
	frames.cells.resize(size);
}

static FILE *create(const char *path)
{
	FILE *out = std::fopen(path, "wb");

	if (out == nullptr)
		throw std::runtime_error(std::string("cannot create ") + path);
	return out;
}

static void write(FILE *out, const void *bytes, size_t size)
{
	if (std::fwrite(bytes, 1, size, out) != size || std::fclose(out) != 0)
		throw std::runtime_error("cannot write");
}

static void samples(const char *path, const char *to)
{
	Frames frames;

	decode(path, frames, false);
	FILE *out = create(to);
	std::fprintf(out, "%u %u %u %u %u %u 0 %s\n", frames.rows, frames.columns, frames.samples,
		     frames.bits, frames.is_signed, frames.planar, frames.colour.c_str());
	write(out, frames.cells.data(), frames.cells.size());
}

// The memory is taken once.
static void show(DicomImage &image, std::vector<unsigned char> &bytes)
{
	if (image.getStatus() != EIS_Normal)
		throw std::runtime_error(DicomImage::getString(image.getStatus()));
	if (image.getWindowCount() == 0 || !image.setWindow(0))
		image.setMinMaxWindow();
	bytes.resize(image.getOutputDataSize(8));
	if (bytes.empty() || !image.getOutputData(bytes.data(), bytes.size(), 8))
		throw std::runtime_error("no output");
}

static void picture(const char *path, const char *to)
{
	DicomImage image(path, CIF_UsePartialAccessToPixelData, 0, 1);
	std::vector<unsigned char> bytes;

	show(image, bytes);
	FILE *out = create(to);
	std::fprintf(out, "P%d\n%lu %lu\n255\n", image.isMonochrome() ? 5 : 6, image.getWidth(),
		     image.getHeight());
	write(out, bytes.data(), bytes.size());
}

// Frames per second, and per second of processor time of all threads.
static void rate(const char *path, double limit, bool pictures)
{
	const auto start = std::chrono::steady_clock::now();
	std::vector<unsigned char> bytes;
	Frames frames;
	double took;

	do {
		if (pictures) {
			DicomImage image(path, CIF_UsePartialAccessToPixelData, 0, 1);

			show(image, bytes);
			frames.count++;
		} else {
			decode(path, frames, true);
		}
		took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
			       .count();
	} while (took < limit);
	const double count = static_cast<double>(frames.count);
	std::printf("%.2f %.2f\n", count / took, count * CLOCKS_PER_SEC / static_cast<double>(std::clock()));
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		std::fprintf(stderr, "usage: peer-dcmtk samples|picture|rate|pictures FILE "
				     "OUT|SECONDS\n");
		return 2;
	}
	OFLog::configure(OFLogger::OFF_LOG_LEVEL);
	const bool raw = std::strcmp(argv[1], "samples") == 0;
	// Samples as they are; pictures as DCMTK's own programs make them.
	DJDecoderRegistration::registerCodecs(raw ? EDC_never : EDC_photometricInterpretation);
	DJLSDecoderRegistration::registerCodecs();
	DcmRLEDecoderRegistration::registerCodecs();
	try {
		if (raw)
			samples(argv[2], argv[3]);
		else if (std::strcmp(argv[1], "picture") == 0)
			picture(argv[2], argv[3]);
		else
			rate(argv[2], std::strtod(argv[3], nullptr),
						std::strcmp(argv[1], "pictures") == 0);
	} catch (const std::exception &error) {
		std::fprintf(stderr, "%s\n", error.what());
		return 1;
	}
	return 0;
}
