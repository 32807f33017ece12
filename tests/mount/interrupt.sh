#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Who waits for a picture that takes long to make can be interrupted and killed at
# once, and the mount goes on: the decode ends behind their backs.

. "$(dirname "$0")/mount-lib.sh"
need_fuse
/usr/bin/python3 -c 'import PIL.Image, pydicom' 2>/dev/null ||
	skip_all "python3-pil or python3-pydicom is missing"
"$dicomfs" --version | grep -qi openjpeg || skip_all "built without OpenJPEG"

# A JPEG 2000 frame of many pixels, which decodes for seconds.
/usr/bin/python3 - "$store/slow.dcm" <<'PYTHON' || skip_all "this Pillow writes no JPEG 2000"
import io, os, sys
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
side = 3000
tile = Image.frombytes("L", (500, 500), os.urandom(250000))
image = Image.new("L", (side, side))
for x in range(0, side, 500):
    for y in range(0, side, 500):
        image.paste(tile, (x, y))
out = io.BytesIO()
image.save(out, "JPEG2000", irreversible=False, no_jp2=True, num_resolutions=6)
meta = FileMetaDataset()
meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.10.1399.78.1"
meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.90"
data = FileDataset(sys.argv[1], {}, file_meta=meta, preamble=b"\0" * 128)
data.is_little_endian, data.is_implicit_VR = True, False
data.SOPClassUID = meta.MediaStorageSOPClassUID
data.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
data.PatientName, data.PatientID, data.Modality = "Slow^Picture", "S1", "OT"
data.StudyInstanceUID = "1.2.826.0.1.3680043.10.1399.78.2"
data.SeriesInstanceUID = "1.2.826.0.1.3680043.10.1399.78.3"
data.Rows = data.Columns = side
data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
data.BitsAllocated = data.BitsStored = 8
data.HighBit, data.PixelRepresentation = 7, 0
data.PixelData = encapsulate([out.getvalue()])
data["PixelData"].is_undefined_length = True
data.save_as(sys.argv[1], write_like_original=False)
PYTHON
small_dicom file "$store/quick.dcm" 7 1 1 1 1 64
export DICOMFS_DEBUG=cache
# What was made for nobody is not kept: each reader waits anew.
start_mount wait,cache_memory=1M || exit 1
slow=$(find "$mnt/patients" -name '*.png' -size +4M)
quick=$(find "$mnt/patients" -name '*.png' -size -100k)
test -n "$slow" || { fail "there is a slow picture" "$(cat "$mnt/.dicomfs/problems.txt")"; exit 1; }

made() { # how often a picture was made, well or not
	grep -c 'made kind' "$scratch/log"
}

# How a reader ends that gets the signal while it waits: by which signal, and
# whether the picture was still being made then, which nothing ends early.
interrupted() { # SIGNAL
	python3 - "$slow" "$1" "$scratch/log" <<'PYTHON'
import os, signal, subprocess, sys, time
reader = subprocess.Popen(["cat", sys.argv[1]], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL)
time.sleep(0.4)
if reader.poll() is not None:
    print("too fast")
    sys.exit()
def made():
    return open(sys.argv[3]).read().count("made kind")
before = made()
reader.send_signal(getattr(signal, sys.argv[2]))
reader.wait()
print("%s %s" % (signal.Signals(-reader.returncode).name,
                 "while it was made" if made() == before else "late"))
PYTHON
}
more_than() {
	test "$(made)" -gt "$1"
}
for signal in SIGINT SIGKILL SIGTERM; do
	count=$(made)
	result=$(interrupted $signal)
	if [ "$result" = "too fast" ]; then
		skip "$signal while a picture is made" "this machine makes it in no time"
	else
		is "$signal while a picture is made" "$result" "$signal while it was made"
	fi
	wait_for 120 more_than "$count"
done
check "others are served meanwhile" timeout 60 cat "$quick"
check "listings too" timeout 60 ls -lR "$mnt"

# The picture is none the worse for it.
check "then it can be read" cat "$slow"
is "whole" "$(wc -c <"$slow")" "$(stat -c %s "$slow")"
stop_mount
