# SPDX-License-Identifier: MIT

mounthelperdir = @mounthelperdir@
dist_mounthelper_SCRIPTS = %D%/mount.dicomfs

systemdsystemunitdir = @systemdsystemunitdir@
dist_systemdsystemunit_DATA = %D%/dicomfs@.service %D%/dicomfs-receive@.service

bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = %D%/completions/dicomfs %D%/completions/dicomfs-index

dist_doc_DATA = %D%/dicomfs-example.conf %D%/dicomfs-receive-example.conf %D%/smb.conf.example

EXTRA_DIST += %D%/install-packages %D%/quickstart
