/* SPDX-License-Identifier: MIT */
#include "render/voi.h"

#include <math.h>

#define BLACK 0.0
#define WHITE 255.0

bool rn_voi_usable(const struct rn_voi *voi)
{
	return isfinite(voi->center) && isfinite(voi->width) && voi->width > 0;
}

static bool is_exact(const struct rn_voi *voi)
{
	return voi->function == DC_VOI_LINEAR_EXACT || voi->width < 1;
}

/* C.11.2.1.2.1 */
static double linear(double x, double center, double width)
{
	if (x <= center - 0.5 - (width - 1) / 2)
		return BLACK;
	if (x > center - 0.5 + (width - 1) / 2)
		return WHITE;
	return ((x - (center - 0.5)) / (width - 1) + 0.5) * (WHITE - BLACK) + BLACK;
}

/* C.11.2.1.3.2 */
static double linear_exact(double x, double center, double width)
{
	if (x <= center - width / 2)
		return BLACK;
	if (x > center + width / 2)
		return WHITE;
	return ((x - center) / width + 0.5) * (WHITE - BLACK) + BLACK;
}

/* C.11.2.1.3.1 */
static double sigmoid(double x, double center, double width)
{
	return (WHITE - BLACK) / (1 + exp(-4 * (x - center) / width)) + BLACK;
}

static double range(double x, double first, double size)
{
	/* In this order integers are rounded once, and halves are halves. */
	return size > 0 ? (x - first) * (WHITE - BLACK) / size + BLACK : BLACK;
}

double rn_voi_apply(const struct rn_voi *voi, double value)
{
	double grey;

	if (voi->function == RN_VOI_RANGE)
		grey = range(value, voi->center, voi->width);
	else if (voi->function == DC_VOI_SIGMOID)
		grey = sigmoid(value, voi->center, voi->width);
	else if (is_exact(voi))
		grey = linear_exact(value, voi->center, voi->width);
	else
		grey = linear(value, voi->center, voi->width);
	/* The comparison is also false for NaN. */
	if (!(grey > BLACK))
		return BLACK;
	return grey < WHITE ? grey : WHITE;
}

double rn_voi_slope(const struct rn_voi *voi)
{
	double run = voi->width;

	if (voi->function == DC_VOI_SIGMOID)
		return 0;
	if (voi->function == DC_VOI_LINEAR && voi->width >= 1)
		run -= 1;
	return run > 0 ? (WHITE - BLACK) / run : 0;
}

/* Over stored values and not modality values: equal in the end, and a tiny
 * slope beside a large intercept costs no digits. */
struct rn_transform rn_transform_min_max(double first, double last, double slope)
{
	return (struct rn_transform){
		.slope = slope < 0 ? -1 : 1,
		.voi = {RN_VOI_RANGE, slope < 0 ? -last : first, last - first},
	};
}
