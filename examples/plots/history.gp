# The table name.csv has the epoch, the learning rate, loss and accuracy of the training and, if second is not '', of other samples.
curves = second eq '' ? 1 : 2
lower(a, b) = a < b ? a : b
higher(a, b) = a > b ? a : b
label(k) = k == 1 ? 'training' : second
do for [form in forms] {
    reset
    width = 800; height = accuracy ? 820 : 560
    load 'style.gp'
    table = name.'.csv'
    set lmargin 11
    set rmargin 3
    set offsets 0, 0, graph 0.05, 0
    stats table using (lower($3, column(1 + 2 * curves))):(higher($3, column(1 + 2 * curves))) nooutput
    set xrange [0.5:epochs + 0.5]
    set xtics 0, ceil(epochs / 10.0)
    set multiplot title 'Training by epoch'
    set key top right spacing 1.2
    logarithmic = STATS_min_x > 0 && STATS_max_y > 4 * STATS_min_x
    set ylabel logarithmic ? 'loss (logarithmic)' : 'loss'
    if (logarithmic) {
        set logscale y
        set yrange [0.8 * STATS_min_x:1.25 * STATS_max_y]
        set for [d=-9:9] for [m in '1 2 5'] ytics add (sprintf('%g', m * 10.0**d) m * 10.0**d)
    }
    set tmargin at screen 0.93
    set bmargin at screen accuracy ? 0.61 : 0.42
    plot for [k=1:curves] table using 1:1 + 2 * k with linespoints ls k title label(k)
    unset logscale
    set key off
    set yrange [*:*]
    set ytics autofreq
    if (accuracy) {
        set ylabel 'accuracy, %'
        set yrange [*:100]
        set tmargin at screen 0.56
        set bmargin at screen 0.28
        plot for [k=1:curves] table using 1:(100 * column(2 + 2 * k)) with linespoints ls k
    }
    set xlabel 'epoch'
    set ylabel 'learning rate'
    set yrange [0:*]
    set format y '%g'
    set tmargin at screen accuracy ? 0.23 : 0.34
    set bmargin at screen accuracy ? 0.08 : 0.11
    plot table using 1:2 with steps ls 6, '' using 1:2 with points ls 6
    unset multiplot
}
unset output
