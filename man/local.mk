# SPDX-License-Identifier: MIT

dist_man_MANS += %D%/dicomfs.1 %D%/dicomfs-index.1 %D%/dicomfs-render.1
