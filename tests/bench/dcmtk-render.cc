// The peer of the picture: DCMTK's DicomImage renders a frame to 8 bits.
//
//   dcmtk-render FILE SECONDS     prints images per second
//
// Every round loads the file anew, as render-rate does; no PNG is written.
//
// SPDX-License-Identifier: MIT
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmimgle/dcmimage.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

static bool render(const char *path, std::vector<unsigned char> &out)
{
	DicomImage image(path, CIF_UsePartialAccessToPixelData, 0, 1);

	if (image.getStatus() != EIS_Normal)
		return false;
	if (image.getWindowCount() > 0)
		image.setWindow(0);
	else
		image.setMinMaxWindow();
	out.resize(image.getOutputDataSize(8));
	return image.getOutputData(out.data(), out.size(), 8) != 0;
}

int main(int argc, char **argv)
{
	std::vector<unsigned char> out;
	unsigned long rounds = 0;

	if (argc != 3) {
		std::fprintf(stderr, "usage: dcmtk-render FILE SECONDS\n");
		return 2;
	}
	OFLog::configure(OFLogger::OFF_LOG_LEVEL);
	const double limit = std::strtod(argv[2], nullptr);
	const auto start = std::chrono::steady_clock::now();
	double took = 0;
	do {
		if (!render(argv[1], out)) {
			std::fprintf(stderr, "dcmtk-render: cannot render %s\n", argv[1]);
			return 1;
		}
		rounds++;
		took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
			       .count();
	} while (took < limit);
	std::printf("%.1f\n", static_cast<double>(rounds) / took);
	return 0;
}
