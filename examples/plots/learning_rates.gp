# The table's columns 2 to 7 are the errors at the six rates.
step = ceil(epochs / 200.0)
do for [form in forms] {
    reset
    width = 800; height = 520
    load 'style.gp'
    set title 'The two-neuron net: its error for six learning rates'
    set xlabel 'epoch'
    set ylabel 'E_{total} (logarithmic)' offset 1
    set logscale y
    set format y '10^{%T}'
    set xrange [0:epochs]
    set yrange [*:1]
    set key outside right center title 'learning rate' samplen 4 spacing 1.4
    plot for [k=1:6] 'sweep.csv' using 1:k + 1 every step::1 with linespoints ls k pointinterval -25 title word(rates, k)
}
unset output
