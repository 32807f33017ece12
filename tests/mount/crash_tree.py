# SPDX-License-Identifier: MIT
"""Compares a mounted tree with what a store says it should be: nothing more,
nothing less."""
import json
import os
import re
import stat

from crash_files import (Wrong, known, known_json, known_png, patient_text, series_text, sop_uid,
                         study_date, study_text, study_uid)

FOLDER = re.compile(r"(.*) ~([0-9a-z]{6,13})\Z")
FILE = re.compile(r"(\d{5})~([0-9a-z]{6,13})(-[0-9a-z]{6,13})?\.(dcm|json|png)\Z")
VIEWS = ("accessions", "dates", "modalities", "uids")
# A line that dicomfs adds at will when it could not read something.
RUNTIME = "decode-failed"


class Seen:
    """What must stay the same over the whole run, restarts and all."""

    def __init__(self):
        self.facts = {}

    def check(self, notes):
        """What is wrong, as lines."""
        return ["not stable: %s was %s and is %s" % (what, before, value)
                for what, value in notes
                for before in [self.facts.setdefault(what, value)] if before != value]


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Tree:
    """One look at the whole tree."""

    def __init__(self, root, store):
        self.root, self.store = root, store
        self.wrong = []
        self.notes = []     # for Seen
        self.expected, self.codes, self.counts = store.expected()
        self.stats = {}     # path: lstat
        self.children = {}  # folder: names
        self.places = {}    # (patient, series) or (patient,): folder

    def say(self, what, *args):
        self.wrong.append(what % args if args else what)

    def full(self, path):
        return os.path.join(self.root, path)

    # ---- Looking ----

    def walk(self):
        todo = [""]
        while todo:
            path = todo.pop()
            self.stats[path] = st = os.lstat(self.full(path))
            if stat.S_ISDIR(st.st_mode):
                names = os.listdir(self.full(path))
                self.children[path] = sorted(names)
                if len(set(names)) != len(names):
                    self.say("listed twice in %s", path)
                todo.extend(os.path.join(path, name) for name in names)
        inodes = {}
        for path, st in self.stats.items():
            # Reports are other files whenever they are looked up again.
            if not path.startswith(".dicomfs/"):
                inodes.setdefault(st.st_ino, []).append(path)
                self.note(("inode", path), st.st_ino)
        for paths in inodes.values():
            if len(paths) > 1:
                self.say("one inode number: %s", paths)
        for folder, names in self.children.items():
            below = sum(os.path.join(folder, name) in self.children for name in names)
            if self.stats[folder].st_nlink != 2 + below:
                self.say("%s has %d links and %d folders", folder, self.stats[folder].st_nlink,
                         below)

    def note(self, what, value):
        self.notes.append((what, value))

    def match(self, where, found, expected):
        for name in sorted(set(found) - set(expected)):
            self.say("too much: %s in %s", name, where or "the root")
        for name in sorted(set(expected) - set(found)):
            self.say("missing: %s in %s", name, where or "the root")

    # ---- Folders ----

    def folders(self, parent, texts):
        """{text: name} of the folders of parent, which are those of texts."""
        found = {}
        for name in self.children.get(parent, ()):
            part = FOLDER.match(name)
            if not part or part[1] in found:
                self.say("no such folder: %s in %s", name, parent)
            else:
                found[part[1]] = name
                self.note(("name", parent, part[1]), name)
        self.match(parent, found, texts)
        return {text: os.path.join(parent, found[text]) for text in texts if text in found}

    def patients(self):
        numbers = {patient for patient, _ in self.expected}
        patients = self.folders("patients", [patient_text(p) for p in numbers])
        for p in numbers:
            if patient_text(p) not in patients:
                continue
            study = self.folders(patients[patient_text(p)], [study_text(p)]).get(study_text(p))
            if study is None:
                continue
            self.places[p,] = study
            of = [s for patient, s in self.expected if patient == p]
            series = self.folders(study, [series_text(s) for s in of])
            for s in of:
                if series_text(s) in series:
                    self.places[p, s] = series[series_text(s)]
                    self.series(series[series_text(s)], self.expected[p, s])

    # ---- Files ----

    def series(self, folder, entries):
        kinds = ["dcm", "json"] + ["png"] * any(entry.size is None for entry in entries)
        self.match(folder, self.children[folder], kinds)
        stems = {}
        for name in self.children.get(folder + "/dcm", ()):
            self.original(folder, name, entries, stems)
        for entry in entries:
            if entry not in stems.values():
                self.say("missing: %s (cut %s, plain %s) of %s", entry.spec, entry.size,
                         entry.plain, entry.paths)
        self.match(folder + "/json", self.children.get(folder + "/json", ()),
                   [stem + ".json" for stem in stems])
        self.match(folder + "/png", self.children.get(folder + "/png", ()),
                   [stem + ".png" for stem, entry in stems.items() if entry.size is None])
        for stem, entry in stems.items():
            self.derived(folder, stem, "json", entry, known_json)
            if entry.size is None:
                self.derived(folder, stem, "png", entry, known_png)
        for kind in kinds:
            self.newest(folder + "/" + kind)

    def newest(self, folder):
        times = [self.stats[os.path.join(folder, name)].st_mtime_ns
                 for name in self.children.get(folder, ())]
        # A folder of pictures has the time of those without one too.
        if times and folder.endswith("/dcm") and self.stats[folder].st_mtime_ns != max(times):
            self.say("mtime of %s is not that of its newest file", folder)

    def original(self, folder, name, entries, stems):
        path = "%s/dcm/%s" % (folder, name)
        part = FILE.match(name)
        if not part or part[4] != "dcm":
            self.say("no such name: %s", path)
            return
        try:
            data = read(self.full(path))
            spec, lacks = known(path, data)
        except (OSError, Wrong) as e:
            self.say("%s: %s", path, e)
            return
        entry = next((e for e in entries if e.spec == spec and -(e.size or 0) == lacks), None)
        if entry is None or entry in stems.values():
            self.say("too much: %s, with %s (short of %d)", path, spec, lacks)
            return
        stems[name[:-4]] = entry
        if int(part[1]) != spec.number or (part[3] is None) != entry.plain:
            self.say("wrong name: %s of %s, plain: %s", path, spec, entry.plain)
        self.note(("hash", spec[:3]), part[2])
        self.note(("name", spec, lacks, entry.plain), name)
        self.file(path, entry, data)
        source = os.lstat(self.store.full(entry.paths[0]))
        if self.stats[path].st_size != source.st_size:
            self.say("%s has %d bytes, the store %d", path, self.stats[path].st_size,
                     source.st_size)
        if self.stats[path].st_mtime_ns != source.st_mtime_ns:
            self.say("mtime of %s is not that of %s", path, entry.paths[0])
        if self.stats[path].st_ctime_ns != source.st_ctime_ns:
            self.say("ctime of %s is not that of %s", path, entry.paths[0])

    def file(self, path, entry, data):
        st = self.stats[path]
        if len(data) != st.st_size or os.lstat(self.full(path)).st_size != st.st_size:
            self.say("%s: %d bytes, stat says %d", path, len(data), st.st_size)
        if st.st_blocks != (st.st_size + 511) // 512 or st.st_nlink != 1:
            self.say("%s: %d blocks, %d links", path, st.st_blocks, st.st_nlink)

    def derived(self, folder, stem, kind, entry, parse):
        path = "%s/%s/%s.%s" % (folder, kind, stem, kind)
        if path not in self.stats:
            return
        try:
            data = read(self.full(path))
            spec = parse(data)
        except (OSError, Wrong) as e:
            self.say("%s: %s", path, e)
            return
        if spec != entry.spec:
            self.say("%s: of %s, and should be of %s", path, spec, entry.spec)
        self.file(path, entry, data)
        original = self.stats["%s/dcm/%s.dcm" % (folder, stem)]
        later = self.stats[path].st_mtime_ns - original.st_mtime_ns
        self.note(("seconds after the original", kind), later)
        if later < 0 or later % 10 ** 9:
            self.say("mtime of %s is %d ns after the original's", path, later)

    # ---- Other views ----

    def links(self):
        expected = set()
        for place, folder in self.places.items():
            year, month, day = study_date(place[0])
            month = "%s-%s" % (year, month)
            if len(place) == 1:
                expected.add(("dates/%s/%s/%s-%s" % (year, month, month, day), folder))
                expected.add(("accessions/CRACC%d" % place[0], folder))
                expected.add(("uids", folder))
                self.target("uids/" + study_uid(place[0]), folder)
            else:
                expected.add(("modalities/CT/" + month, folder))
        found = []
        for view in VIEWS:
            self.view(view, expected, found)
        self.match("the views", found, expected)
        if len(found) != len(set(found)):
            self.say("two links in one folder to one: %s", found)

    def target(self, link, folder):
        real = os.path.realpath(self.full(link))
        if real != os.path.realpath(self.full(folder)):
            self.say("%s leads to %s", link, real)

    def view(self, folder, expected, found):
        if folder not in VIEWS and not any((where + "/").startswith(folder + "/")
                                           for where, _ in expected):
            self.say("too much: folder %s", folder)
        for name in self.children.get(folder, ()):
            path = os.path.join(folder, name)
            if path in self.children:
                self.view(path, expected, found)
                continue
            target = os.path.relpath(os.path.realpath(self.full(path)),
                                     os.path.realpath(self.root))
            found.append((folder, target))
            self.note(("target", path), target)

    # ---- Reports ----

    def reports(self):
        status = json.loads(read(self.full(".dicomfs/status.json")))
        if status["state"] != "complete":
            self.say("state: %s", status["state"])
        for name, value in self.counts.items():
            if status[name] != value:
                self.say("status: %s is %s, and should be %s", name, status[name], value)
        if status["pictures_to_measure"] != 0:
            self.say("%d pictures wait", status["pictures_to_measure"])
        lines = read(self.full(".dicomfs/problems.txt")).decode().splitlines()
        found = [tuple(line.split("\t")[:2]) for line in lines]
        found = [line for line in found if line[1] != RUNTIME]
        self.match("problems.txt", found, self.codes)
        if len(found) != len(set(found)):
            self.say("problems.txt has lines twice")


def differences(root, store, seen):
    """What is wrong with the tree at root, as lines."""
    tree = Tree(root, store)
    try:
        tree.walk()
        tree.match("", tree.children[""], (".dicomfs", "patients") + VIEWS)
        tree.patients()
        tree.links()
        tree.reports()
    except (OSError, ValueError, KeyError) as e:
        tree.say("%s: %s", type(e).__name__, e)
    # While things still change, what was seen is no whole.
    return tree.wrong + store.check_itself() or seen.check(tree.notes)
