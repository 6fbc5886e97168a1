# The table has a row for each label and prediction: label, prediction, images, their share of all of that label.
do for [form in forms] {
    reset
    width = 760; height = 700
    load 'style.gp'
    set title sprintf('%s of %s %s images are taken for another class', with_comma(mistakes), with_comma(images), image_set)
    set xlabel 'what the net says'
    set ylabel 'what it is'
    set xrange [-0.5:classes + 0.7]
    set yrange [classes - 0.5:-0.5]
    set xtics 0,1,classes - 1
    set ytics 0,1,classes - 1
    set tics scale 0
    unset grid
    set border 0
    set key off
    unset colorbox
    set size square
    set palette defined (0 '#fff1dc', 1 '#e69f00', 2 '#d55e00')
    set logscale cb
    set cbrange [1:*]
    set label 'right' at classes + 0.1, -0.8 center
    plot name.'.csv' using 2:1:($1 == $2 || $3 == 0 ? NaN : $3) with image, \
        '' using ($1 == $2 ? $1 : NaN):2:(0.5):(0.5) with boxxyerror fs solid noborder fc rgb '#d5e8f3', \
        '' using 2:1:($3 > 0 ? sprintf('%d', $3) : '·') with labels, \
        '' using ($1 == $2 ? classes + 0.1 : NaN):1:(sprintf('%.1f %%', 100 * $4)) with labels
}
unset output
