# The table's columns 8 to 13 are the training losses at the six rates, 14 to 19 the test losses.
thinned(epoch) = epoch > 0 && int(epoch) % ceil(epoch / 60.0) == 0
do for [form in forms] {
    reset
    width = 860; height = 640
    load 'style.gp'
    set datafile missing NaN
    set logscale xy
    set xrange [1:epochs > 10 ? epochs : 10]
    set yrange [0.004:8]
    set multiplot layout 2,3 title 'Loss on 20 points to train and on 500 others to test, by learning rate' \
        margins 0.1,0.97,0.1,0.88 spacing 0.05,0.11
    do for [k=1:6] {
        stats 'sweep.csv' using 1:13 + k nooutput
        set title 'learning rate '.word(rates, k) offset 0, -0.6
        set format y k % 3 == 1 ? '%g' : ''
        set ylabel k % 3 == 1 ? 'loss (logarithmic)' : ''
        set xlabel k > 3 ? 'epoch (logarithmic)' : ''
        set format x '%g'
        if (k == 1) { set key bottom left } else { unset key }
        set label 1 sprintf('lowest test loss %.3f, epoch %d', STATS_min_y, STATS_pos_min_y) at graph 0.04, 0.93
        plot 'sweep.csv' using 1:(thinned($1) ? column(k + 7) : NaN) with lines ls 1 title 'training', \
            '' using 1:(thinned($1) ? column(k + 13) : NaN) with lines ls 2 title 'test', \
            '+' using (STATS_pos_min_y):(STATS_min_y) every ::::0 with points pt 6 ps 1.5 lw 2 lc rgb '#000000' notitle
    }
    unset multiplot
}
unset output
