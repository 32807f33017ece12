# SPDX-License-Identifier: MIT
#
# A folder per behaviour, with recipes of inputs in it: packed as it is.

EXTRA_DIST += %D%
