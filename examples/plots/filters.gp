across = pixels_across + 0.5
down = pixels_down + 0.9
x(k) = across * (k % 4)
y(k) = down * (k / 4)
do for [form in forms] {
    reset
    columns = filters < 4 ? filters : 4
    rows = ceil(filters / 4.0)
    width = 760; height = 90 + 165 * rows * down / across
    load 'style.gp'
    set title sprintf('The %d filters of the first convolution, and their weights', filters)
    set xrange [-0.75:across * columns - 0.5]
    set yrange [down * rows - 0.6:-1.1]
    unset border
    unset tics
    unset grid
    set key off
    set palette defined (-1 '#d55e00', 0 'white', 1 '#0072b2')
    set cbrange [-largest:largest]
    set cbtics
    set size ratio -1
    set cblabel 'weight'
    plot for [k=0:filters - 1] name.'.csv' index k matrix using (x(k) + $1):(y(k) + $2):3 with image, \
        for [k=0:filters - 1] '' index k matrix using (x(k) + $1):(y(k) + $2):(sprintf('%.2f', abs($3) < 0.005 ? 0 : $3)) with labels
}
unset output
