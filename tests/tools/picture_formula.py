# SPDX-License-Identifier: MIT
"""What a picture is by the standard: a second implementation of the pixel
pipeline, straight from the formulas of PS3.3 and in double precision, over
samples that pydicom (pillow, gdcm) decodes, or where it does not those of
decode-samples. For compare-pixels."""

import functools
import os
import subprocess
import tempfile
import warnings

import numpy
import pydicom
import pydicom.config
try:
    from pydicom.pixels import apply_color_lut
except ImportError: # before 3.0
    from pydicom.pixel_data_handlers.util import apply_color_lut

warnings.simplefilter("ignore")
pydicom.config.logger.setLevel("CRITICAL")

XRAY_ANGIO = ("1.2.840.10008.5.1.4.1.1.12.1", "1.2.840.10008.5.1.4.1.1.12.1.1",
              "1.2.840.10008.5.1.4.1.1.12.2", "1.2.840.10008.5.1.4.1.1.12.2.1",
              "1.2.840.10008.5.1.4.1.1.12.3")
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
LOSSY = tuple("1.2.840.10008.1.2.4." + end for end in ("50", "51", "81", "91", "203"))

# pydicom's samples are wrong: the end of the path, and why.
PYDICOM_WRONG = (
    ("dicom-test-files/MR1_JLSL", "gdcm decodes to noise; DCMTK and the uncompressed image agree"),
    ("healthcare-api-dicom-fuse/example.dcm", "JFIF, which is always YCbCr, in a file that says RGB"),
)


class NotCovered(Exception):
    """No formula here for this image."""


# ---- What the header says --------------------------------------------------

def first_number(value):
    """The first value of a decimal string, None if it is no number."""
    try:
        if isinstance(value, (list, tuple, pydicom.multival.MultiValue)):
            value = value[0]
        return float(str(value))
    except (ValueError, IndexError, TypeError):
        return None


class Header:
    """What decides how one frame is to be shown, read by pydicom."""

    def __init__(self, path, samples=None, by_pydicom=True):
        self.path = path
        self.samples = samples # the command
        self.by_pydicom = by_pydicom and not any(path.endswith(end) for end, _ in PYDICOM_WRONG)
        self.decoded_colour = None
        self.readable = True
        try:
            self.dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        except Exception:  # broken beyond what pydicom reads
            self.dataset = pydicom.Dataset()
            self.readable = False

    def get(self, keyword, default=None):
        try:
            value = self.dataset.get(keyword, default)
        except Exception:  # pydicom fails on broken values only when they are used
            return default
        return default if value is None else value

    def frames(self):
        return max(1, int(first_number(self.get("NumberOfFrames", 1)) or 1))

    def groups(self, frame):
        """Functional groups of a frame, the one that counts first."""
        per_frame = self.get("PerFrameFunctionalGroupsSequence", [])
        if frame < len(per_frame):
            yield per_frame[frame]
        yield from self.get("SharedFunctionalGroupsSequence", [])[:1]

    @staticmethod
    def pair(item, first, second):
        """Two numbers, None unless both are there."""
        a, b = first_number(item.get(first)), first_number(item.get(second))
        return None if a is None or b is None else (a, b)

    def voi_function(self, frame):
        for group in self.groups(frame):
            for item in group.get("FrameVOILUTSequence", [])[:1]:
                if "WindowCenter" in item:
                    return item.get("VOILUTFunction", "LINEAR") or "LINEAR"
        return self.get("VOILUTFunction", "LINEAR") or "LINEAR"

    def window(self, frame):
        """Center and width, and whether they come from a functional group."""
        for group in self.groups(frame):
            for item in group.get("FrameVOILUTSequence", [])[:1]:
                pair = self.pair(item, "WindowCenter", "WindowWidth")
                if pair and pair[1] > 0:
                    return pair, True
                if item.get("VOILUTSequence"):
                    return None, True
        pair = self.pair(self.dataset, "WindowCenter", "WindowWidth")
        return (pair if pair and pair[1] > 0 else None), False

    def rescale(self, frame):
        """Slope and intercept, and whether they come from a functional group."""
        for group in self.groups(frame):
            for item in group.get("PixelValueTransformationSequence", [])[:1]:
                pair = self.pair(item, "RescaleSlope", "RescaleIntercept")
                if pair and pair[0] != 0:
                    return pair, True
        pair = self.pair(self.dataset, "RescaleSlope", "RescaleIntercept")
        return (pair if pair and pair[0] != 0 else (1.0, 0.0)), False

    def voi_lut(self, frame):
        """The item that is used where there is no window."""
        for group in self.groups(frame):
            for item in group.get("FrameVOILUTSequence", [])[:1]:
                if item.get("VOILUTSequence"):
                    return item.VOILUTSequence[0]
        items = self.get("VOILUTSequence", [])
        return items[0] if items else None

    def pixel_vr(self):
        """None where the pixel data cannot be read."""
        try:
            return pydicom.dcmread(self.path, force=True, defer_size=1024)[0x7fe00010].VR
        except Exception:
            return None

    @functools.lru_cache(maxsize=1)
    def full(self):
        full = pydicom.dcmread(self.path, force=True)
        if not getattr(full, "file_meta", None) or "TransferSyntaxUID" not in full.file_meta:
            full.file_meta = pydicom.dataset.FileMetaDataset()
            full.file_meta.TransferSyntaxUID = (
                pydicom.uid.ImplicitVRLittleEndian if full.is_implicit_VR
                else pydicom.uid.ExplicitVRLittleEndian if full.is_little_endian
                else pydicom.uid.ExplicitVRBigEndian)
        # PS3.5 8.1.1, A.3: the first of two cells is the less significant byte of
        # their word; pydicom before 2.4 leaves them as they are in the file.
        old = [int(part) for part in pydicom.__version__.split(".")[:2]] < [2, 4]
        if old and not full.is_little_endian and full.get("BitsAllocated") == 8 and \
                "PixelData" in full and full["PixelData"].VR == "OW":
            full["PixelData"].value = numpy.frombuffer(full.PixelData, ">u2").astype("<u2").tobytes()
        return full

    def stored(self, frame):
        """Stored values of a frame."""
        try:
            if not self.by_pydicom:
                raise NotCovered("not by pydicom")
            pixels = self.full().pixel_array
        except Exception:
            if self.samples is None:
                raise
            return self.stored_by_command(frame)
        return self.without_unused_bits(pixels if self.frames() == 1 else pixels[frame])

    def stored_by_command(self, frame):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "samples")
            subprocess.run([self.samples, self.path, out, str(frame + 1)], check=True,
                           stderr=subprocess.DEVNULL)
            with open(out, "rb") as file:
                head = file.readline().decode().split()
                body = file.read()
        rows, columns, samples, bits, signed = (int(part) for part in head[:5])
        self.decoded_colour = " ".join(head[7:])
        real = "FloatPixelData" in self.full() or "DoubleFloatPixelData" in self.full()
        cells = numpy.frombuffer(body, f"<{'f' if real else 'i' if signed else 'u'}{bits // 8}")
        cells = cells.reshape((rows, columns) if samples == 1 else (rows, columns, samples))
        return self.without_unused_bits(cells)

    def without_unused_bits(self, cells):
        """PS3.5 8.1.1: pydicom gives the cells as they are."""
        bits, high = int(self.get("BitsStored", 0)), int(self.get("HighBit", 0))
        if cells.ndim != 2 or not 1 <= bits <= high + 1 <= 8 * cells.dtype.itemsize <= 16:
            return cells
        values = (cells.astype(numpy.int64) >> (high + 1 - bits)) & ((1 << bits) - 1)
        if self.get("PixelRepresentation", 0) == 1:
            values -= (values >> (bits - 1)) << bits
        return values

    def padding(self):
        """Both ends of the stored values that are padding, or None."""
        first = first_number(self.get("PixelPaddingValue"))
        if first is None:
            return None
        last = first_number(self.get("PixelPaddingRangeLimit"))
        bits = int(self.get("BitsStored", 16))
        ends = []
        for end in (first, first if last is None else last):
            end = int(end) & ((1 << bits) - 1)
            if self.get("PixelRepresentation", 0) == 1 and end >> (bits - 1):
                end -= 1 << bits
            ends.append(end)
        return min(ends), max(ends)


# ---- Grey --------------------------------------------------------------------

def voi(values, function, center, width):
    """PS3.3 C.11.2.1.2 and C.11.2.1.3 for an output of 0 to 255."""
    if function == "SIGMOID":
        return 255 / (1 + numpy.exp(-4 * (values - center) / width))
    if function == "LINEAR_EXACT" or width < 1:
        return ((values - center) / width + 0.5) * 255
    if width == 1:
        return numpy.where(values <= center - 0.5, 0.0, 255.0)
    return ((values - (center - 0.5)) / (width - 1) + 0.5) * 255


def lut_entries(item):
    """First input, entries and white of a LUT item (PS3.3 C.11.1.1.1, C.11.2.1.1).
    White is the greatest number of the entries' bits, of 8 or 16 if need be."""
    count, first, bits = (int(number) for number in item.LUTDescriptor)
    count = count or 65536
    data = item.LUTData
    if isinstance(data, bytes):
        words = len(data) >= 2 * count
        data = numpy.frombuffer(data, "<u2" if words else "u1")
    entries = numpy.asarray(data, numpy.int64).reshape(-1)[:count]
    if entries.size == 0:
        raise NotCovered("empty LUT")
    top = (1 << bits) - 1 if bits < 16 else 0
    if entries.max() > top:
        top = (1 << int(entries.max()).bit_length()) - 1
    return first, entries, max(top, 1)


def through_lut(values, item, signed):
    first, entries, top = lut_entries(item)
    first &= 0xffff
    if signed and first >= 0x8000:
        first -= 0x10000
    index = numpy.clip(numpy.floor(values + 0.5) - first, 0, entries.size - 1)
    return entries[index.astype(numpy.int64)].astype(numpy.float64), top


def modality(header, frame, values):
    """Modality values, and whether they can be below 0; None for the second:
    the LUT's, which cannot."""
    signed = header.get("PixelRepresentation", 0) == 1
    if header.get("SOPClassUID") in XRAY_ANGIO:
        return values, signed
    items = header.get("ModalityLUTSequence", [])
    if items and not header.rescale(frame)[1]:
        return through_lut(values, items[0], signed)[0], False
    slope, intercept = header.rescale(frame)[0]
    if (slope, intercept) != (1, 0):
        bits = int(header.get("BitsStored", 16))
        ends = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        signed = min(slope * end + intercept for end in ends) < 0
    return values * slope + intercept, signed


def white_of_meaning(header):
    """Stored value of white, where 0 and it mean no and yes."""
    if header.get("SOPClassUID") == LABEL_MAP:
        return max([item.get("SegmentNumber", 0) for item in header.get("SegmentSequence", [])] + [0])
    if header.get("SOPClassUID") == SEGMENTATION:
        if header.get("SegmentationType") != "FRACTIONAL":
            return 1
        return int(header.get("MaximumFractionalValue", 0)) or (1 << header.get("BitsStored")) - 1
    single = header.get("BitsStored") == 1 and header.get("PixelRepresentation", 0) == 0
    return 1 if single else 0


def range_of(values, counted, falling):
    """Least to greatest counted value onto 0 to 255."""
    if not counted.size:
        return values * 0
    low, high = counted.min(), counted.max()
    grey = (values - low) * 255 / (high - low) if high > low else values * 0
    return 255 - grey if falling and high > low else grey


def grey_by_formula(header, frame):
    """The picture of a grey frame, rows x columns."""
    stored = header.stored(frame)
    values = stored.astype(numpy.float64)
    finite = numpy.isfinite(values)
    window = header.window(frame)[0]
    item = header.voi_lut(frame)
    white = white_of_meaning(header)
    with numpy.errstate(invalid="ignore"):
        if white:
            grey = values * 255 / white
        elif window:
            grey = voi(modality(header, frame, values)[0], header.voi_function(frame), *window)
        elif item is not None:
            shown, signed = modality(header, frame, values)
            shown, top = through_lut(shown, item, signed)
            grey = shown * 255 / top
        else:
            counted = finite
            padding = header.padding()
            if padding:
                level = 0
                if header.full().file_meta.TransferSyntaxUID in LOSSY:
                    level = (values.max() - values.min()) // 255
                counted = finite & ((values < padding[0] - level) | (values > padding[1] + level))
            shown, falling = values, header.rescale(frame)[0][0] < 0
            if header.get("SOPClassUID") in XRAY_ANGIO:
                falling = False
            elif header.get("ModalityLUTSequence", []):
                shown, falling = modality(header, frame, values)[0], False
            if padding and not counted.any():
                grey = range_of(shown, numpy.array(padding, numpy.float64), falling)
            else:
                grey = range_of(shown, shown[counted], falling)
        grey = numpy.where(finite, grey, 0)
    grey = numpy.floor(numpy.clip(grey, 0, 255) + 0.5).astype(numpy.uint8)
    if header.get("PhotometricInterpretation") == "MONOCHROME1":
        grey = 255 - grey
    return grey


# ---- Colour --------------------------------------------------------------------

def to_8_bits(values, bits):
    if bits == 8:
        return values
    return numpy.floor(values.astype(numpy.float64) * 255 / ((1 << bits) - 1) + 0.5)


def rgb_of_ybr(values, bits):
    """PS3.3 C.7.6.3.1.2, YBR_FULL."""
    y, cb, cr = (values[:, :, i].astype(numpy.float64) for i in range(3))
    middle = 1 << (bits - 1)
    cb, cr = cb - middle, cr - middle
    colours = numpy.stack((y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb),
                          axis=2)
    return numpy.clip(colours, 0, (1 << bits) - 1)


def palette_by_formula(header, frame):
    full = header.full()
    indices = header.stored(frame)
    colours = apply_color_lut(indices.astype(numpy.uint16), full)
    # Entries of 16 bits give their high byte, unless all of them are below 256.
    if colours.dtype.itemsize > 1 and colours.max() > 255:
        colours = colours >> 8
    return colours.astype(numpy.uint8)


def colour_by_formula(header, frame):
    """Rows x columns x 3, and how many levels it may be off."""
    photometric = header.get("PhotometricInterpretation")
    if photometric == "PALETTE COLOR":
        return palette_by_formula(header, frame), 0
    cells = header.stored(frame)
    photometric = header.decoded_colour or photometric
    bits = 8 * cells.dtype.itemsize
    if cells.ndim != 3 or cells.shape[2] != 3 or header.get("BitsStored", bits) != bits:
        raise NotCovered(f"{photometric} of {header.get('BitsStored')} bits")
    if photometric in ("RGB", "YBR_RCT", "YBR_ICT"):
        return numpy.floor(to_8_bits(cells, bits)), 0 if bits == 8 else 1
    if photometric in ("YBR_FULL", "YBR_FULL_422"):
        return numpy.floor(to_8_bits(rgb_of_ybr(cells, bits), bits) + 0.5), 1
    raise NotCovered(f"{photometric}")


# ---- Overlays ------------------------------------------------------------------

def burn_overlays(header, frame, picture):
    """PS3.3 C.9.2: planes of their own, in white."""
    for group in range(0x6000, 0x6020, 2):
        if not any(tag.group == group for tag in header.dataset.keys()):
            continue
        if (group, 0x3000) not in header.full():
            raise NotCovered("an overlay in the pixel cells, or none")
        if (group, 0x0015) in header.dataset and int(header.dataset[group, 0x0015].value or 1) > 1:
            raise NotCovered("an overlay of several frames")
        bits = header.full().overlay_array(group)
        row, column = (int(part) - 1 for part in header.dataset[group, 0x0050].value)
        first, left = max(row, 0), max(column, 0)
        part = bits[first - row:, left - column:][:picture.shape[0] - first, :picture.shape[1] - left]
        picture[first:first + part.shape[0], left:left + part.shape[1]][part != 0] = 255
    return picture


def supplemented(header, frame, grey):
    """PS3.3 C.7.6.19, C.7.6.23: the palette is for stored values from its first one on."""
    stored = header.stored(frame)
    picture = numpy.stack((grey,) * 3, axis=2)
    for i in range(3):
        count, first, _ = (int(number) & 0xffff
                           for number in header.full()[0x0028, 0x1101 + i].value)
        data = numpy.frombuffer(header.full()[0x0028, 0x1201 + i].value, "<u2")[:count or 65536]
        index = numpy.clip(stored.astype(numpy.int64) - first, 0, data.size - 1)
        picture[:, :, i] = numpy.where(stored >= first, data[index] >> 8, grey)
    return picture


def by_formula(header, frame):
    """The picture of a frame as the standard defines it, rows x columns x channels,
    and how many levels another right one may be off."""
    if header.get("PhotometricInterpretation") in ("MONOCHROME1", "MONOCHROME2"):
        picture, apart = grey_by_formula(header, frame), 0
        if picture.ndim != 2:
            raise NotCovered("more samples than one")
        coloured = header.get("PixelPresentation") in ("COLOR", "MIXED") and \
            (0x0028, 0x1201) in header.full()
        picture = supplemented(header, frame, picture) if coloured else picture[:, :, None]
    else:
        picture, apart = colour_by_formula(header, frame)
    return burn_overlays(header, frame, picture.astype(numpy.uint8)), apart
