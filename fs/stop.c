/* SPDX-License-Identifier: MIT */
#include "fs/stop.h"

#include <time.h>
#include <unistd.h>

void fs_stop_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGHUP);
}

static void *watch(void *context)
{
	static const struct timespec pause = {.tv_nsec = 100L * 1000 * 1000};
	struct fs_stop *stop = context;
	sigset_t signals;

	fs_stop_signals(&signals);
	while (!atomic_load(&stop->ended)) {
		int number = sigtimedwait(&signals, NULL, &pause);

		if (number < 0)
			continue;
		if (atomic_exchange(&stop->stop, true))
			_exit(128 + number);
	}
	return NULL;
}

bool fs_stop_start(struct fs_stop *stop, struct err *err)
{
	sigset_t signals;
	int failed;

	atomic_init(&stop->stop, false);
	atomic_init(&stop->ended, false);
	fs_stop_signals(&signals);
	(void)pthread_sigmask(SIG_BLOCK, &signals, &stop->before);
	failed = pthread_create(&stop->thread, NULL, watch, stop);
	stop->started = failed == 0;
	if (failed != 0) {
		(void)pthread_sigmask(SIG_SETMASK, &stop->before, NULL);
		return err_set_sys(err, failed, "cannot start a thread");
	}
	return true;
}

void fs_stop_end(struct fs_stop *stop)
{
	if (!stop->started)
		return;
	atomic_store(&stop->ended, true);
	(void)pthread_join(stop->thread, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &stop->before, NULL);
	stop->started = false;
}
