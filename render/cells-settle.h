/*
 * The loops of rn_cells_settle() for one cell type: CELL, VALUE (the same,
 * signed) and NAME() are defined around each inclusion.
 *
 * SPDX-License-Identifier: MIT
 */

/* Of numbers that are shift bits narrower than the cell: their sign into these
 * bits, and no further than from least to most. */
static inline RN_INLINE CELL NAME(settled_signed)(CELL cell, unsigned shift, VALUE least,
						  VALUE most)
{
	/* What is shifted out was the sign, or nothing. */
	VALUE value = (VALUE)((VALUE)(CELL)(cell << shift) >> shift);

	value = value < least ? least : value;
	value = value > most ? most : value;
	return (CELL)value;
}

RN_KERNEL
static void NAME(settle_signed)(void *samples, size_t count, unsigned shift, VALUE least,
				VALUE most)
{
	CELL *cell = samples;

	for (; count >= RN_LANES; count -= RN_LANES, cell += RN_LANES) {
		for (int i = 0; i < RN_LANES; i++)
			cell[i] = NAME(settled_signed)(cell[i], shift, least, most);
	}
	for (size_t i = 0; i < count; i++)
		cell[i] = NAME(settled_signed)(cell[i], shift, least, most);
}

/* Of numbers of precision bits without a sign. */
RN_KERNEL
static void NAME(settle)(void *samples, size_t count, unsigned precision, CELL most)
{
	const CELL mask = (CELL)~(CELL)0 >> (8 * sizeof(CELL) - precision);
	CELL *cell = samples;

	for (; count >= RN_LANES; count -= RN_LANES, cell += RN_LANES) {
		for (int i = 0; i < RN_LANES; i++) {
			CELL value = cell[i] & mask;

			cell[i] = value < most ? value : most;
		}
	}
	for (size_t i = 0; i < count; i++) {
		CELL value = cell[i] & mask;

		cell[i] = value < most ? value : most;
	}
}
