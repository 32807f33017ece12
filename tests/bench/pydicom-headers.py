#!/usr/bin/python3
# The other peer of the scan: pydicom reads the headers of many files.
#
#   pydicom-headers.py FOLDER      prints files per second
#
# SPDX-License-Identifier: MIT
import os
import sys
import time
import warnings

import pydicom


def main():
    warnings.simplefilter("ignore")
    start = time.perf_counter()
    count = 0
    for folder, folders, names in os.walk(sys.argv[1]):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
            count += "SOPInstanceUID" in dataset
    print(f"{count / (time.perf_counter() - start):.1f}")


main()
