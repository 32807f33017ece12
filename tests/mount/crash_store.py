# SPDX-License-Identifier: MIT
"""A store that changes at random, and what is known of it.

The model is what was written, not what dicomfs makes of it: for each path the
spec of the file and how much of it is there, or that it is something else.
"""
import os
import shutil
import time

from crash_files import TAIL, Spec, cut, whole

PATIENTS, SERIES, NUMBERS = 5, 2, 60
# From here on the kernel may read past dicomfs, and what is overwritten while it
# is read is as mixed as in the store itself: such files are only replaced.
BIG = 260
FEW, MANY = 60, 350


class File:
    """An inode of the store: kind is dicom, text, link or pipe."""

    def __init__(self, kind, spec=None, size=None):
        self.kind, self.spec, self.size = kind, spec, size

    def data(self):
        return cut(self.spec, self.size) if self.kind == "dicom" else b"no DICOM in here\n"

    def is_big(self):
        return self.kind == "dicom" and self.spec.side >= BIG


class Store:
    def __init__(self, root, stage, random):
        self.root, self.stage, self.random = root, stage, random
        self.files = {}       # path: File
        self.folders = {""}   # with a slash at the end
        self.unfinished = []  # [path, open file, bytes left]
        self.written = {}     # spec of such a file: (last write, longest pause)
        self.count = 0
        self.log, self.done = [], 0
        os.makedirs(root, exist_ok=True)
        os.makedirs(stage, exist_ok=True)

    # ---- Chance ----

    def fresh(self, prefix):
        self.count += 1
        return "%s%s%05d" % (prefix, self.random.choice("aefkmqz"), self.count)

    def spec(self, big=True, like=None):
        r = self.random
        side = r.choice((16, 20, 24, 33)) if not big or r.random() < 0.93 else r.choice((BIG, 300))
        if like is not None and r.random() < 0.6:
            place = like[:3]
        else:
            place = r.randint(1, PATIENTS), r.randint(1, SERIES), r.randint(1, NUMBERS)
        return Spec(*place, r.randrange(10 ** 9), side)

    def some(self, *kinds, big=True):
        busy = {path for path, _, _ in self.unfinished}
        paths = [path for path, file in sorted(self.files.items())
                 if file.kind in kinds and path not in busy and (big or not file.is_big())]
        return self.random.choice(paths) if paths else None

    def some_folder(self, root=True):
        busy = {path.rpartition("/")[0] + "/" for path, _, _ in self.unfinished}
        folders = [f for f in sorted(self.folders)
                   if (f or root) and not (f and any(b.startswith(f) for b in busy))]
        return self.random.choice(folders) if folders else None

    # ---- Doing ----

    def full(self, path):
        return os.path.join(self.root, path)

    def say(self, what, *args):
        self.done += 1
        self.log.append("%s %s" % (what, " ".join(str(arg) for arg in args)))
        del self.log[:-80]

    def put(self, path, data):
        with open(path, "wb") as out:
            out.write(data)

    def add(self):
        path = self.fresh(self.some_folder()) + ".dcm"
        file = File("dicom", self.spec())
        self.say("add", path, file.spec)
        if file.is_big():
            self.put(os.path.join(self.stage, "new"), file.data())
            os.rename(os.path.join(self.stage, "new"), self.full(path))
        else:
            self.put(self.full(path), file.data())
        self.files[path] = file

    def add_folder(self):
        name = self.fresh(self.some_folder()) + "/"
        staged = self.random.random() < 0.5
        target = os.path.join(self.stage, "folder/") if staged else self.full(name)
        self.say("folder", name, "moved in" if staged else "made")
        os.mkdir(target)
        self.folders.add(name)
        for _ in range(self.random.randint(0, 8)):
            file = File("dicom", self.spec(big=staged))
            path = self.fresh(name)
            self.put(os.path.join(target, path[len(name):]), file.data())
            self.files[path] = file
        if staged:
            os.rename(target, self.full(name))

    def text(self):
        path = self.fresh(self.some_folder()) + ".txt"
        self.say("text", path)
        self.files[path] = File("text")
        self.put(self.full(path), self.files[path].data())

    def pipe(self):
        path = self.fresh(self.some_folder())
        self.say("pipe", path)
        os.mkfifo(self.full(path))
        self.files[path] = File("pipe")

    def link(self):
        folder = self.some_folder()
        up = "../" * folder.count("/")
        target = self.random.choice(("nowhere", up + (self.some("dicom") or ""),
                                     up + self.some_folder(), "/dev/null", up + "..", "."))
        path = self.fresh(folder)
        self.say("link", path, "to", target)
        os.symlink(target or ".", self.full(path))
        self.files[path] = File("link")

    def hard_link(self):
        old = self.some("dicom", "text")
        path = self.fresh(self.some_folder())
        self.say("hard link", old, path)
        os.link(self.full(old), self.full(path))
        self.files[path] = self.files[old]

    def copy(self):
        old = self.some("dicom")
        path = self.fresh(self.some_folder())
        file = self.files[old]
        self.say("copy", old, path)
        shutil.copyfile(self.full(old), os.path.join(self.stage, "copy"))
        os.rename(os.path.join(self.stage, "copy"), self.full(path))
        self.files[path] = File(file.kind, file.spec, file.size)

    def rename(self):
        old = self.some("dicom", "text", "link", "pipe")
        path = self.fresh(self.some_folder())
        self.say("rename", old, path)
        os.rename(self.full(old), self.full(path))
        self.files[path] = self.files.pop(old)

    def rename_over(self):
        old, path = self.some("dicom"), self.some("dicom", "text")
        if old == path or self.files[old] is self.files[path]:
            return
        self.say("rename over", old, path)
        os.rename(self.full(old), self.full(path))
        self.files[path] = self.files.pop(old)

    def rename_folder(self):
        old, to = self.some_folder(root=False), self.some_folder()
        if old is None or to.startswith(old):
            return
        new = self.fresh(to) + "/"
        self.say("rename folder", old, new)
        os.rename(self.full(old), self.full(new))
        self.folders = {new + f[len(old):] if f.startswith(old) else f for f in self.folders}
        self.files = {new + p[len(old):] if p.startswith(old) else p: file
                      for p, file in self.files.items()}

    def delete(self):
        path = self.some("dicom", "dicom", "text", "link", "pipe")
        if len(self.files) < FEW:
            return
        self.say("delete", path)
        os.unlink(self.full(path))
        del self.files[path]

    def delete_folder(self):
        folder = self.some_folder(root=False)
        if folder is None:
            return
        inside = [path for path in self.files if path.startswith(folder)]
        if len(self.files) - len(inside) < FEW or len(inside) > 40:
            return
        self.say("delete folder", folder)
        shutil.rmtree(self.full(folder))
        self.folders = {f for f in self.folders if not f.startswith(folder)}
        for path in inside:
            del self.files[path]

    def rewrite(self):
        """In place, often to the same size, and into all of its hard links."""
        path = self.some("dicom", "text", big=False)
        file = self.files[path]
        spec = self.spec(big=False, like=file.spec)
        if file.spec is not None and self.random.random() < 0.5:
            spec = spec._replace(side=file.spec.side)
        self.say("rewrite", path, spec)
        with open(self.full(path), "r+b") as out:
            out.write(whole(spec))
            out.truncate()
        file.kind, file.spec, file.size = "dicom", spec, None

    def replace(self):
        path = self.some("dicom", "text")
        file = File("dicom", self.spec(like=self.files[path].spec))
        self.say("replace", path, file.spec)
        staged = os.path.join(self.stage, "replacement")
        self.put(staged, file.data())
        os.rename(staged, self.full(path))
        self.files[path] = file

    def truncate(self):
        path = self.some("dicom", big=False)
        file = self.files[path]
        size = self.random.choice((0, 50, -TAIL))
        self.say("truncate", path, size)
        os.truncate(self.full(path), size if size >= 0 else len(whole(file.spec)) + size)
        if file.size is not None and (size < 0 or size > file.size):
            # It was shorter: what is new are zeros.
            self.put(self.full(path), cut(file.spec, size))
        file.size = size

    def touch(self):
        path = self.some("dicom", "text")
        when = self.random.randrange(10 ** 18, 17 * 10 ** 17)
        self.say("touch", path, when)
        os.utime(self.full(path), ns=(when, when))

    def write_slowly(self):
        path = self.fresh(self.some_folder()) + ".dcm"
        file = File("dicom", self.spec(big=False))
        data = file.data()
        at = self.random.randrange(len(data))
        self.say("write slowly", path, file.spec, at)
        out = open(self.full(path), "wb", buffering=0)
        out.write(data[:at])
        self.files[path] = file
        self.unfinished.append([path, out, data[at:]])
        self.written[file.spec] = time.monotonic(), 0

    def go_on(self, finish=False):
        """A piece more of what is written slowly."""
        for each in list(self.unfinished):
            path, out, left = each
            size = len(left) if finish else self.random.randint(1, 1500)
            out.write(left[:size])
            each[2] = left[size:]
            self.note_write(self.files[path].spec)
            if not each[2]:
                self.say("written", path)
                out.close()
                self.unfinished.remove(each)

    def note_write(self, spec):
        last, longest = self.written[spec]
        now = time.monotonic()
        self.written[spec] = now, max(longest, now - last)

    def paused(self, spec):
        """For how long nothing was written to a file that was not whole."""
        last, longest = self.written.get(spec, (0, 0))
        going = any(self.files[path].spec == spec for path, _, _ in self.unfinished)
        return max(longest, time.monotonic() - last) if going else longest

    ACTIONS = (("add", 12), ("add_folder", 3), ("text", 2), ("pipe", 0.5), ("link", 2),
               ("hard_link", 2), ("copy", 4), ("rename", 8), ("rename_over", 2),
               ("rename_folder", 2), ("delete", 8), ("delete_folder", 2), ("rewrite", 8),
               ("replace", 6), ("truncate", 2), ("touch", 3), ("write_slowly", 4))

    def act(self):
        names = [name for name, _ in self.ACTIONS]
        weights = [weight for _, weight in self.ACTIONS]
        if len(self.files) > MANY:
            weights = [w * 3 if n.startswith("delete") else w for n, w in self.ACTIONS]
        getattr(self, self.random.choices(names, weights)[0])()
        if self.random.random() < 0.5:
            self.go_on()

    # ---- What is known ----

    def check_itself(self):
        """The store is what the model says: dicomfs has written nothing."""
        found = set()
        for folder, folders, names in os.walk(self.root):
            inside = os.path.relpath(folder, self.root) + "/"
            inside = "" if inside == "./" else inside
            links = [n for n in folders if os.path.islink(os.path.join(folder, n))]
            found.update(inside + name for name in names + links)
        wrong = ["store: %s" % path for path in found ^ set(self.files)]
        for path in found & set(self.files):
            file = self.files[path]
            if file.kind in ("dicom", "text"):
                with open(self.full(path), "rb") as data:
                    if data.read() != file.data():
                        wrong.append("store: other bytes in %s" % path)
        return wrong

    def expected(self):
        """(patient, series) of entries, and problem codes and counts of the store."""
        entries, codes, order = {}, set(), {}
        counts = dict.fromkeys(("in_tree", "duplicates", "skipped", "failed", "pending"), 0)
        for path in sorted(self.files, key=os.fsencode):
            file = self.files[path]
            shown = file.kind == "dicom" and (file.size is None or file.size < 0)
            if not shown:
                code = {"link": "link", "pipe": "special"}.get(file.kind, "not-dicom")
                codes.add((path, code))
                counts["skipped"] += 1
                continue
            versions = order.setdefault(file.spec[:3], {})
            versions.setdefault((file.spec, file.size), []).append(path)
        for (patient, series, _), versions in order.items():
            for place, ((spec, size), paths) in enumerate(versions.items()):
                entries.setdefault((patient, series), []).append(
                    Entry(spec, size, paths, place == 0))
                counts["in_tree"] += 1
                counts["duplicates"] += len(paths) - 1
                codes.update((path, "duplicate") for path in paths[1:])
                if len(versions) > 1:
                    codes.add((paths[0], "conflict"))
                if size is not None:
                    codes.update(((paths[0], "damaged"), (paths[0], "no-png")))
        counts["files"] = len(self.files)
        counts["patients"] = len({patient for patient, _ in entries})
        counts["studies"] = counts["patients"]
        counts["series"] = len(entries)
        counts["instances"] = counts["in_tree"]
        return entries, codes, counts


class Entry:
    """An instance of the tree: plain, or with a hash of its bytes in its name."""

    def __init__(self, spec, size, paths, plain):
        self.spec, self.size, self.paths, self.plain = spec, size, paths, plain
