#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Series for measuring, out of one real file.

    make-series.py copies FILE COUNT FOLDER    COUNT instances of one series: UIDs
                                               and Instance Number differ
    make-series.py loop FILE COUNT OUT         one instance of COUNT frames: those
                                               of FILE over and over
"""

import os
import sys

import pydicom
from pydicom.encaps import encapsulate
try:
    from pydicom.encaps import generate_frames
except ImportError: # before 3.0
    from pydicom.encaps import generate_pixel_data_frame

    def generate_frames(data, number_of_frames):
        return generate_pixel_data_frame(data, number_of_frames)


def copies(path, count, folder):
    dataset = pydicom.dcmread(path)
    os.makedirs(folder, exist_ok=True)
    root = pydicom.uid.generate_uid(entropy_srcs=["dicomfs", "series", os.path.basename(path)])[:50]
    dataset.SeriesInstanceUID = root + ".0"
    for i in range(1, count + 1):
        dataset.SOPInstanceUID = f"{root}.1.{i}"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.InstanceNumber = i
        dataset.save_as(os.path.join(folder, f"{i:05d}.dcm"))


def loop(path, count, out):
    dataset = pydicom.dcmread(path)
    frames = list(generate_frames(dataset.PixelData,
                                  number_of_frames=int(dataset.get("NumberOfFrames", 1))))
    frames = (frames * (1 + count // len(frames)))[:count]
    dataset.NumberOfFrames = count
    dataset.SOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=["dicomfs", "loop"])
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    # Per-frame attributes would not fit any more.
    for keyword in ("PerFrameFunctionalGroupsSequence", "FrameTimeVector"):
        if keyword in dataset:
            del dataset[keyword]
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].is_undefined_length = True
    os.makedirs(os.path.dirname(out) or ".", exist_ok=True)
    dataset.save_as(out)


def main():
    if len(sys.argv) != 5 or sys.argv[1] not in ("copies", "loop") or not sys.argv[3].isdigit():
        print(__doc__, file=sys.stderr)
        return 2
    (copies if sys.argv[1] == "copies" else loop)(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    return 0


if __name__ == "__main__":
    sys.exit(main())
