# SPDX-License-Identifier: MIT
# For Doxygen: links from a page to a file of the tree become the file's name, as the tree is not there where the pages are read.
s,\[([^]]*)\]\((\.\./)?include/sixnet/([a-z]+\.h(pp)?)\),\3,g
s,\[([^]]*)\]\((\.\./)?((examples|tools|tests|lib)/[^)]*|LICENSE)\),\1 (`\3`),g
