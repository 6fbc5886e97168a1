# What all pictures share, in the place of their line "load 'style.gp'". Wants: form (svg or png), name, width, height, and printed: whether
# standard output is the picture's file.
if (form eq 'svg') {
    # Browsers smooth the pixels of images unless told not to.
    set terminal svg name name size width,height background 'white' font 'sans-serif,14'
    set output '| sed "s/<image /<image image-rendering=\"pixelated\" /" '.(printed ? '' : '>'.name.'.svg')
} else {
    set terminal pngcairo size width,height background 'white' font 'sans-serif,10.5'
    if (printed) { set output } else { set output name.'.png' }
}
set encoding utf8
set datafile separator ','
set border 3 lc rgb '#444444'
set tics nomirror
set grid back lt 1 lc rgb '#cccccc' lw 0.7

# 10,000
with_comma(n) = n < 1000 ? sprintf('%d', n) : sprintf('%d,%03d', n / 1000, n % 1000)

# Colors that are distinct for color-blind readers (Okabe and Ito), each with a mark and dashes of its own.
set style line 1 lw 2 pt 7 ps 0.6 dt 1 lc rgb '#0072b2'
set style line 2 lw 2 pt 5 ps 0.6 dt (12,4) lc rgb '#d55e00'
set style line 3 lw 2 pt 9 ps 0.8 dt (3,3) lc rgb '#009e73'
set style line 4 lw 2 pt 13 ps 0.9 dt (12,4,3,4) lc rgb '#cc79a7'
set style line 5 lw 2 pt 11 ps 0.8 dt (6,3) lc rgb '#e69f00'
set style line 6 lw 2 pt 3 ps 0.7 dt 1 lc rgb '#000000'
