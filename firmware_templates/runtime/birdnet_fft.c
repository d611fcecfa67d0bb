#include "birdnet_fft.h"
#include "birdnet_float.h"

typedef struct {
    double re;
    double im;
} complex_t;

static inline complex_t load(const double *values, uint32_t index) {
    return (complex_t){values[2u * index], values[2u * index + 1u]};
}

static inline void store(double *values, uint32_t index, complex_t value) {
    values[2u * index] = value.re;
    values[2u * index + 1u] = value.im;
}

static inline complex_t add(complex_t a, complex_t b) {
    return (complex_t){a.re + b.re, a.im + b.im};
}

static inline complex_t subtract(complex_t a, complex_t b) {
    return (complex_t){a.re - b.re, a.im - b.im};
}

static inline complex_t multiply(complex_t a, complex_t b) {
    return (complex_t){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static inline complex_t times_minus_i(complex_t a) {
    return (complex_t){a.im, -a.re};
}

/* exp(-2 pi i k / length) for k up to 3/4 of the length. The cosine is the sine a quarter of a
 * period later. */
static inline complex_t twiddle(const double *sine, uint32_t length, uint32_t k) {
    return (complex_t){sine[k + length / 4u], -sine[k]};
}

/* One pass over `stride` interleaved sequences of `points` values. Each becomes four sequences of a
 * quarter of the length. */
static void radix4_pass(uint32_t length, const double *sine, uint32_t points, uint32_t stride,
                        const double *source, double *target) {
    const uint32_t quarter = points / 4u;
    const uint32_t distance = stride * quarter;
    for (uint32_t point = 0; point < quarter; ++point) {
        const uint32_t angle = point * (length / points);
        const complex_t w1 = twiddle(sine, length, angle);
        const complex_t w2 = twiddle(sine, length, 2u * angle);
        const complex_t w3 = twiddle(sine, length, 3u * angle);
        for (uint32_t sequence = 0; sequence < stride; ++sequence) {
            const uint32_t in = sequence + stride * point;
            const uint32_t out = sequence + stride * 4u * point;
            const complex_t a = load(source, in);
            const complex_t b = load(source, in + distance);
            const complex_t c = load(source, in + 2u * distance);
            const complex_t d = load(source, in + 3u * distance);
            const complex_t even_sum = add(a, c);
            const complex_t even_difference = subtract(a, c);
            const complex_t odd_sum = add(b, d);
            const complex_t odd_difference = times_minus_i(subtract(b, d));
            store(target, out, add(even_sum, odd_sum));
            store(target, out + stride, multiply(w1, add(even_difference, odd_difference)));
            store(target, out + 2u * stride, multiply(w2, subtract(even_sum, odd_sum)));
            store(target, out + 3u * stride,
                  multiply(w3, subtract(even_difference, odd_difference)));
        }
    }
}

/* The last pass if the number of points is not a power of four. All its twiddle factors are 1. */
static void radix2_pass(uint32_t stride, const double *source, double *target) {
    for (uint32_t sequence = 0; sequence < stride; ++sequence) {
        const complex_t a = load(source, sequence);
        const complex_t b = load(source, sequence + stride);
        store(target, sequence, add(a, b));
        store(target, sequence + stride, subtract(a, b));
    }
}

/* Spectrum of a real sequence from the spectrum of even samples + i * odd samples. It may work in
 * place. */
static void split_real(uint32_t length, const double *sine, const double *half, double *spectrum) {
    const uint32_t points = length / 2u;
    const complex_t first = load(half, 0);
    store(spectrum, 0, (complex_t){first.re + first.im, first.re - first.im});
    for (uint32_t k = 1; k <= points / 2u; ++k) {
        const complex_t low = load(half, k);
        const complex_t high = load(half, points - k);
        const complex_t even = {0.5 * (low.re + high.re), 0.5 * (low.im - high.im)};
        const complex_t odd = {0.5 * (low.im + high.im), 0.5 * (high.re - low.re)};
        const complex_t turned = multiply(twiddle(sine, length, k), odd);
        const complex_t mirrored = subtract(even, turned);
        store(spectrum, points - k, (complex_t){mirrored.re, -mirrored.im});
        store(spectrum, k, add(even, turned));
    }
}

void birdnet_fft_real(uint32_t length, const double *sine, double *data, double *work) {
    double *source = data;
    double *target = work;
    uint32_t stride = 1;
    uint32_t points = length / 2u; /* the samples are taken as complex values, half as many */
    while (points > 1u) {
        const uint32_t radix = points >= 4u ? 4u : 2u;
        if (radix == 4u) {
            radix4_pass(length, sine, points, stride, source, target);
        } else {
            radix2_pass(stride, source, target);
        }
        double *const swapped = source;
        source = target;
        target = swapped;
        stride *= radix;
        points /= radix;
    }
    split_real(length, sine, source, data);
}
