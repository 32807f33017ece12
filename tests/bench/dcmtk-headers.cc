// The peer of the scan: DCMTK loads the headers of many files in one process.
//
//   dcmtk-headers FOLDER      prints files per second
//
// SPDX-License-Identifier: MIT
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

static bool load(const std::string &path)
{
	DcmFileFormat file;
	OFString uid;

	// Pixel data is not read: parsing stops before it.
	if (file.loadFileUntilTag(path.c_str(), EXS_Unknown, EGL_noChange, DCM_MaxReadLength,
				  ERM_autoDetect, DCM_PixelData)
		    .bad())
		return false;
	return file.getDataset()->findAndGetOFString(DCM_SOPInstanceUID, uid).good();
}

int main(int argc, char **argv)
{
	std::vector<std::string> paths;
	size_t loaded = 0;

	if (argc != 2) {
		std::fprintf(stderr, "usage: dcmtk-headers FOLDER\n");
		return 2;
	}
	OFLog::configure(OFLogger::OFF_LOG_LEVEL);
	const auto start = std::chrono::steady_clock::now();
	for (const auto &entry : std::filesystem::recursive_directory_iterator(argv[1]))
		if (entry.is_regular_file())
			paths.push_back(entry.path().string());
	std::sort(paths.begin(), paths.end());
	for (const auto &path : paths)
		loaded += load(path) ? 1 : 0;
	const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
	if (loaded != paths.size())
		std::fprintf(stderr, "dcmtk-headers: %zu of %zu loaded\n", loaded, paths.size());
	std::printf("%.1f\n", static_cast<double>(paths.size()) / took.count());
	return 0;
}
