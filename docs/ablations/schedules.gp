# The accuracy after each epoch, with and without a schedule; tools/draw-docs draws it. Wants: data, a table with a column for each
# case (tools/ablations base no_schedule gamma_0.9 --seeds 0 writes it), and style, the script that all pictures share.
name = 'mnist_schedules'
width = 800; height = 480; printed = 0
do for [form in 'svg png'] {
    reset
    load style
    set title 'MNIST: test accuracy by epoch, seed 0'
    set xlabel 'epoch'
    set ylabel 'test accuracy (%)' offset 1
    set xrange [0.5:20.5]
    set xtics 2
    set yrange [98.4:99.6]
    set ytics 0.2 format '%.1f'
    set key bottom right samplen 4 spacing 1.4
    plot data using 1:(100 * column('base')) with linespoints ls 1 title 'rate 0.1, then 0.01', \
        data using 1:(100 * column('gamma_0.9')) with linespoints ls 2 title 'rate 0.1, then 0.09', \
        data using 1:(100 * column('no_schedule')) with linespoints ls 3 title 'rate 0.1 throughout'
}
unset output
