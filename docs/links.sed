# SPDX-License-Identifier: MIT
# For Doxygen: links from a page to a file of the tree become the file's name, as the tree is not there where the pages are read.
s,\[([^]]*)\]\((\.\./)?include/sixnet/([a-z]+\.h(pp)?)\),\3,g
s,\[([^]]*)\]\((\.\./)?((examples|tools|tests|lib|docs/ablations)/[^)]*|LICENSE)\),`\3`,g
# Formulas are quotations, or a name alone in a text. Names such as w1 and a_h1 get a subscript, and a derivative becomes a fraction.
s,`([wihotE])([1-8]?)`,<span class="math">\1<sub>\2</sub></span>,g
s,`([aE])_?(h1|h2|o1|o2|total)?`,<span class="math">\1<sub>\2</sub></span>,g
s,`∂E/∂([aehow])_?([a-z]?[0-9])`,<span class="math">∂E/∂\1<sub>\2</sub></span>,g
/^> /{
s,\b([wihotE])([1-8])\b,\1<sub>\2</sub>,g
s,\b([aE])_(h1|h2|o1|o2|total)\b,\1<sub>\2</sub>,g
s,∂(E|[ahow]<sub>[a-z0-9]+</sub>)/∂([ahow]<sub>[a-z0-9]+</sub>),<span class="fraction"><span>∂\1</span><span>∂\2</span></span>,g
}
