# SPDX-License-Identifier: MIT
"""Files that say themselves what they are, for crash and trouble: whoever reads
one can tell whether it is whole, and one version and no mixture.

A spec (patient, series, number, seed, side) makes the bytes of a file, and is in
Image Comments and in the first pixels. Files of one number have one SOP Instance
UID; seed and side make versions of it.
"""
import json
import os
import re
import signal
import struct
import sys
import zlib
from collections import namedtuple
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

sys.dont_write_bytecode = True


def load(name):
    """A script beside this one, as a module."""
    loader = SourceFileLoader(name.replace("-", "_"),
                              os.path.join(os.path.dirname(os.path.abspath(__file__)), name))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


dicom = load("small-dicom")
element, us, CT = dicom.element, dicom.us, dicom.CT

Spec = namedtuple("Spec", "patient series number seed side")
COMMENT = re.compile(rb"crash (\d{2}) (\d{2}) (\d{3}) (\d{9}) (\d{4})!")
# Files are cut by so much in the middle of their pixels.
TAIL = 100
ROOT = "1.2.826.0.1.3680043.10.1399.78"


def comment(spec):
    return "crash %02d %02d %03d %09d %04d!" % spec


def sop_uid(spec):
    return "%s.4.%02d.%02d.%03d" % (ROOT, 10 + spec.patient, 10 + spec.series, 100 + spec.number)


def study_uid(patient):
    return "%s.2.%d" % (ROOT, 10 + patient)


def study_date(patient):
    return "2024", "%02d" % (1 + patient % 12), "%02d" % (10 + patient % 15)


def patient_text(patient):
    return "Crash, Patient %d (CR%05d)" % (patient, patient)


def study_text(patient):
    return "%s-%s-%s 1015 Study of %d" % (study_date(patient) + (patient,))


def series_text(series):
    return "%03d CT Series %d" % (series, series)


@lru_cache(maxsize=4096)
def pixels(spec):
    head = struct.pack("<BBHIH", spec.patient, spec.series, spec.number, spec.seed, spec.side)
    first = zlib.crc32(head)
    pattern = bytes((first + i * (2 * (first >> 8 & 63) + 3)) & 255 for i in range(256))
    size = spec.side * spec.side
    return (head + pattern * (size // 256 + 1))[:size]


@lru_cache(maxsize=4096)
def whole(spec):
    uid = sop_uid(spec)
    meta = (element(0x00020001, "OB", b"\0\1") + element(0x00020002, "UI", CT) +
            element(0x00020003, "UI", uid) +
            element(0x00020010, "UI", "1.2.840.10008.1.2.1"))
    meta = element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta
    patient, series = spec.patient, spec.series
    data = [
        element(0x00080005, "CS", "ISO_IR 192"),
        element(0x00080016, "UI", CT),
        element(0x00080018, "UI", uid),
        element(0x00080020, "DA", "".join(study_date(patient))),
        element(0x00080030, "TM", "101500"),
        element(0x00080050, "SH", "CRACC%d" % patient),
        element(0x00080060, "CS", "CT"),
        element(0x00081030, "LO", "Study of %d" % patient),
        element(0x0008103E, "LO", "Series %d" % series),
        element(0x00100010, "PN", "Crash^Patient %d" % patient),
        element(0x00100020, "LO", "CR%05d" % patient),
        element(0x00100030, "DA", "1970%02d01" % (1 + patient % 12)),
        element(0x0020000D, "UI", study_uid(patient)),
        element(0x0020000E, "UI", "%s.3.%d.%d" % (ROOT, 10 + patient, 10 + series)),
        element(0x00200011, "IS", str(series)),
        element(0x00200013, "IS", str(spec.number)),
        element(0x00204000, "LT", comment(spec)),
        us(0x00280002, 1),
        element(0x00280004, "CS", "MONOCHROME2"),
        us(0x00280010, spec.side), us(0x00280011, spec.side), us(0x00280100, 8),
        us(0x00280101, 8), us(0x00280102, 7), us(0x00280103, 0),
        # Shows every value as it is: PS3.3 C.11.2.1.2.
        element(0x00281050, "DS", "128"), element(0x00281051, "DS", "256"),
        element(0x7FE00010, "OB", pixels(spec)),
    ]
    return b"\0" * 128 + b"DICM" + meta + b"".join(data)


def cut(spec, size):
    """The first bytes; size None: all, negative: without so many."""
    return whole(spec)[:size]


class Going:
    """True until the process is told to end, or is left alone."""

    def __init__(self):
        self.told, self.parent = False, os.getppid()
        signal.signal(signal.SIGTERM, self.tell)

    def tell(self, *_):
        self.told = True

    def __bool__(self):
        return not self.told and os.getppid() == self.parent


class Wrong(Exception):
    """Bytes that nobody wrote."""


def spec_of_comment(data):
    found = COMMENT.search(data)
    if not found:
        raise Wrong("no comment in %d bytes" % len(data))
    return Spec(*(int(number) for number in found.groups()))


def known_dicom(data):
    """The spec and by how many bytes the file is too short."""
    spec = spec_of_comment(data)
    full = whole(spec)
    if full[:len(data)] != data:
        same = next((i for i, (a, b) in enumerate(zip(full, data)) if a != b), len(full))
        raise Wrong("%d bytes of %s, %d of which are right" % (len(data), spec, same))
    return spec, len(full) - len(data)


def known_json(data):
    try:
        value = json.loads(data.decode("utf-8"))
    except ValueError as e:
        raise Wrong("no JSON: %s" % e) from e
    if "00204000" not in value:
        return None
    spec = spec_of_comment(value["00204000"]["Value"][0].encode())
    if value["00080018"]["Value"] != [sop_uid(spec)]:
        raise Wrong("SOP Instance UID %s in %s" % (value["00080018"], spec))
    if value["00280010"]["Value"] != [spec.side]:
        raise Wrong("Rows %s in %s" % (value["00280010"], spec))
    return spec


def paeth(row, before):
    left = corner = 0
    for x, up in enumerate(before):
        guess = left + up - corner
        a, b, c = abs(guess - left), abs(guess - up), abs(guess - corner)
        row[x] = left = (row[x] + (left if a <= b and a <= c else up if b <= c else corner)) & 255
        corner = up


def unfiltered(raw, side):
    """PNG, section 9: a byte a pixel."""
    rows, before = [], bytearray(side)
    for start in range(0, side * (side + 1), side + 1):
        kind, row = raw[start], bytearray(raw[start + 1:start + 1 + side])
        if kind == 1:
            for x in range(1, side):
                row[x] = (row[x] + row[x - 1]) & 255
        elif kind == 2:
            row = bytearray((a + b) & 255 for a, b in zip(row, before))
        elif kind == 3:
            for x in range(side):
                row[x] = (row[x] + ((row[x - 1] if x else 0) + before[x]) // 2) & 255
        elif kind == 4:
            paeth(row, before)
        rows.append(row)
        before = row
    return b"".join(rows)


def png_pixels(data):
    """Side and samples of a square picture of 8 bits."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise Wrong("no PNG: %r" % data[:8])
    at, packed, side = 8, b"", 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + size]
        if struct.unpack_from(">I", data, at + 8 + size)[0] != zlib.crc32(kind + body):
            raise Wrong("checksum of %s" % kind)
        if kind == b"IHDR":
            side, height, depth, colour = struct.unpack_from(">IIBB", body)
            if (height, depth, colour) != (side, 8, 0):
                raise Wrong("IHDR %s" % body.hex())
        elif kind == b"IDAT":
            packed += body
        at += 12 + size
    if kind != b"IEND" or at != len(data):
        raise Wrong("the end is missing")
    return side, unfiltered(zlib.decompress(packed), side)


@lru_cache(maxsize=600)
def known_png(data):
    try:
        side, got = png_pixels(data)
    except (struct.error, zlib.error, IndexError) as e:
        raise Wrong("broken PNG: %s" % e) from e
    spec = Spec(*struct.unpack_from("<BBHIH", got))
    if spec.side != side or got != pixels(spec):
        raise Wrong("pixels that are not of %s" % (spec,))
    return spec


def known(path, data):
    """What a file of the tree is: its spec, and how many bytes it lacks; spec
    None: it does not say."""
    if path.endswith(".dcm"):
        return known_dicom(data)
    if path.endswith(".json"):
        return known_json(data), 0
    return known_png(data), 0
