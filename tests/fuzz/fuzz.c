/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#define FRONT ((size_t)16) /* bytes in front that are looked at */
#define FRONT_FILL 0x5a

void fuzz_require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "broken promise: %s\n", what);
	abort();
}

void fuzz_require_error(const struct err *err)
{
	fuzz_require(err->code != ERR_NONE && err->message[0] != '\0', "an error says why");
}

/* ---- Guarded memory --------------------------------------------------------- */

struct fuzz_guarded fuzz_guard(size_t size, uint8_t fill)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (size + FRONT + page - 1) / page * page;
	struct fuzz_guarded guarded = {.mapped = room + 2 * page, .size = size};

	guarded.pages = mmap(NULL, guarded.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fuzz_require(guarded.pages != MAP_FAILED, "there is memory");
	fuzz_require(mprotect(guarded.pages + page, room, PROT_READ | PROT_WRITE) == 0,
		     "it is ours");
	guarded.bytes = guarded.pages + page + room - size;
	memset(guarded.bytes - FRONT, FRONT_FILL, FRONT);
	/* Of large memory only what is used shall be taken. */
	if (fill != 0)
		memset(guarded.bytes, fill, size);
	return guarded;
}

struct fuzz_guarded fuzz_guard_copy(struct span bytes)
{
	struct fuzz_guarded guarded = fuzz_guard(bytes.size, 0);

	if (bytes.size > 0)
		memcpy(guarded.bytes, bytes.data, bytes.size);
	return guarded;
}

void fuzz_unguard(struct fuzz_guarded *guarded)
{
	if (guarded->pages == NULL)
		return;
	for (size_t i = 1; i <= FRONT; i++)
		fuzz_require(*(guarded->bytes - i) == FRONT_FILL, "nothing is written in front");
	(void)munmap(guarded->pages, guarded->mapped);
	guarded->pages = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_guarded input CLEANUP_GUARDED = fuzz_guard_copy(span_of(data, size));

	fuzz_one(fuzz_guarded_span(&input));
	fuzz_require(size == 0 || memcmp(input.bytes, data, size) == 0, "the input is only read");
	return 0;
}

/* ---- Numbers ---------------------------------------------------------------- */

uint8_t fuzz_take_8(struct span *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

uint16_t fuzz_take_16(struct span *input)
{
	uint16_t low = fuzz_take_8(input);

	return (uint16_t)(low | fuzz_take_8(input) << 8);
}

uint32_t fuzz_take_32(struct span *input)
{
	uint32_t low = fuzz_take_16(input);

	return low | (uint32_t)fuzz_take_16(input) << 16;
}

uint64_t fuzz_take_64(struct span *input)
{
	uint64_t low = fuzz_take_32(input);

	return low | (uint64_t)fuzz_take_32(input) << 32;
}

uint8_t fuzz_take_below(struct span *input, unsigned count)
{
	return (uint8_t)(fuzz_take_8(input) % count);
}

struct span fuzz_take_span(struct span *input, size_t size)
{
	struct span taken = span_of(input->data, MIN_OF(size, input->size));

	*input = span_of(input->data + taken.size, input->size - taken.size);
	return taken;
}

struct span fuzz_take_until(struct span *input, uint8_t end)
{
	const uint8_t *at = input->size > 0 ? memchr(input->data, end, input->size) : NULL;
	struct span taken;

	if (at == NULL)
		return fuzz_take_span(input, input->size);
	taken = fuzz_take_span(input, (size_t)(at - input->data));
	(void)fuzz_take_8(input);
	return taken;
}
