# The table has a row for each mistake, the surest first: image, label, prediction, confidence. That of the pixels has the first of them.
rows = shown > 0 ? ceil(shown / (1.0 * columns)) : 1
across = pixels_across + 4
down = pixels_down + 18
x(k) = across * (int(k) % columns)
y(k) = down * (int(k) / columns)
percent(p) = p > 0.999 ? '> 99.9 %' : sprintf('%.1f %%', 100 * p)
caption(row, label, prediction, p) = row > shown ? '' : sprintf("%d → %d\n%s", label, prediction, percent(p))
do for [form in forms] {
    reset
    width = 900; height = 70 + rows * 84 * down / across
    load 'style.gp'
    set title mistakes == 0 ? sprintf('None of %s %s images is read wrong', with_comma(images), image_set) : \
        sprintf('%s of %s %s images are read wrong', with_comma(mistakes), with_comma(images), image_set).\
        (shown < mistakes ? sprintf('; these %d the net is surest of', shown) : ', the surest mistakes first')."\n".\
        'below each: what it is → what the net says, and how sure it is of that'
    set xrange [-2:across * columns - 2]
    set yrange [down * rows - 2:-2]
    unset border
    unset tics
    unset grid
    unset colorbox
    set key off
    set margins 1, 1, 0.5, 4
    set size ratio -1
    set palette defined (0 'white', 1 'black')
    if (shown == 0) {
        plot -9
    } else {
        plot for [k=0:shown - 1] name.'_pixels.csv' index k matrix using (x(k) + $1):(y(k) + $2):3 with image, \
            name.'.csv' using (x($0 - 1) + pixels_across / 2.0):(y($0 - 1) + pixels_down + 4.5):(caption($0, $2, $3, $4)) with labels
    }
}
unset output
