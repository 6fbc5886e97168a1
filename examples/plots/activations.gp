# The table has the image, then the channels of every block; channels and sizes say how many, and of how many pixels on a side.
# A row of the picture has up to 16 channels of a block; eight are twice as large.
blocks = words(channels)
count(b) = int(word(channels, b))
size(b) = int(word(sizes, b))
first(b) = b == 1 ? 0 : first(b - 1) + count(b - 1)
side(b) = count(b) > 8 ? 1 / 16.0 : 1 / 8.0
rows(b) = (count(b) + 15) / 16
columns(b) = (count(b) + rows(b) - 1) / rows(b)
top(b) = b == 1 ? 0 : top(b - 1) + side(b - 1) * rows(b - 1) + 0.045
pixel(b) = 0.93 * side(b) / size(b)
x(b, k, column) = side(b) * (k % columns(b)) + pixel(b) * (column + 0.5)
y(b, k, row) = top(b) + side(b) * (k / columns(b)) + pixel(b) * (row + 0.5)
title(b) = b == 1 ? 'the image' : sprintf('block %d: %d channels of %d × %d', b - 1, count(b), size(b), size(b))
bottom = top(blocks + 1)
do for [form in forms] {
    reset
    width = 860; height = 145 + 820 * bottom
    load 'style.gp'
    set multiplot title 'The first '.image_set.' image on its way through the blocks'
    set lmargin at screen 20.0 / width
    set rmargin at screen 840.0 / width
    set tmargin at screen 1 - 80.0 / height
    set bmargin at screen 65.0 / height
    set xrange [0:1]
    set yrange [bottom:0]
    unset border
    unset tics
    unset grid
    set key off
    set palette defined (0 '#00204d', 1 '#31446b', 2 '#666970', 3 '#958f78', 4 '#cbba69', 5 '#ffea46')
    set cbrange [-1:4]
    set colorbox horizontal user origin screen 0.3, screen 38.0 / height size screen 0.4, screen 12.0 / height
    set cbtics ('-1 and less' -1, '0' 0, '1' 1, '2' 2, '3' 3, '4 and more' 4) scale 0
    do for [b=1:blocks] { set label title(b) at 0, top(b) - 0.018 }
    plot for [b=1:blocks] for [k=0:count(b) - 1] name.'.csv' index first(b) + k matrix using (x(b, k, $1)):(y(b, k, $2)):3 with image
    unset label
    set lmargin at screen 0.55
    set tmargin at screen 1 - 75.0 / height
    set bmargin at screen 1 - 170.0 / height
    set title 'what the net says at the end' offset 0, -0.5
    set border 1
    set xrange [-0.6:classes - 0.4]
    set xtics 0,1,classes - 1 scale 0 offset 0, 0.3
    set yrange [0:1.25]
    set style fill solid
    plot name.'_scores.csv' using 1:2 with boxes lc rgb '#0072b2', \
        '' using 1:2:($2 < 0.005 ? '' : $2 > 0.999 ? '> 99.9 %' : sprintf('%.1f %%', 100 * $2)) with labels offset 0, 0.6
    unset multiplot
}
unset output
