# SPDX-License-Identifier: MIT
"""Memory that a mount takes: all its processes, and the memory files they share."""
import os
import threading

SAMPLE_S = 0.1


def family(daemon):
    """The daemon, its keeper and what decodes."""
    pids = [daemon]
    for pid in pids:
        try:
            for task in os.listdir("/proc/%d/task" % pid):
                with open("/proc/%d/task/%s/children" % (pid, task)) as file:
                    pids.extend(int(word) for word in file.read().split())
        except OSError:
            pass
    return pids


def anonymous_kb(pid):
    """Pages that are shared after a fork count as the part of each, where that may be
    looked at."""
    kb = 0
    try:
        with open("/proc/%d/smaps_rollup" % pid) as file:
            lines = file.readlines()
    except PermissionError:
        with open("/proc/%d/status" % pid) as file:
            lines = file.readlines()
    for line in lines:
        if line.startswith(("Pss_Anon:", "RssAnon:", "RssShmem:")):
            kb += int(line.split()[1])
    return kb


def memory_files(pid, seen):
    """Memory files, also where nobody has them mapped."""
    folder = "/proc/%d/fd" % pid
    for name in os.listdir(folder):
        try:
            if os.readlink(folder + "/" + name).startswith("/memfd:"):
                status = os.stat(folder + "/" + name)
                seen[status.st_ino] = status.st_blocks // 2
        except OSError:
            pass


class Memory(threading.Thread):
    """Looks until it is done; kB."""

    def __init__(self, daemon, pause=SAMPLE_S):
        super().__init__(daemon=True)
        self.pause = pause
        self.daemon_pid, self.done = daemon, threading.Event()
        self.peak = self.peak_daemon = self.peak_worker = self.peak_files = 0
        self.processes = 0

    def sample(self):
        files, total, processes = {}, 0, 0
        for pid in family(self.daemon_pid):
            try:
                kb = anonymous_kb(pid)
                memory_files(pid, files)
            except OSError:
                continue
            processes += 1
            total += kb
            if pid == self.daemon_pid:
                self.peak_daemon = max(self.peak_daemon, kb)
            else:
                self.peak_worker = max(self.peak_worker, kb)
        shared = sum(files.values())
        self.peak_files = max(self.peak_files, shared)
        self.peak = max(self.peak, total + shared)
        self.processes = max(self.processes, processes)

    def run(self):
        while not self.done.is_set():
            self.sample()
            self.done.wait(self.pause)
