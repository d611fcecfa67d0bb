/* The transform for cores with Helium: radix 4, self-sorting, integers with a common exponent. */
#include "birdnet_fft.h"

#ifdef BIRDNET_FFT_FIXED

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "birdnet_float_mve.h"

#define INLINE static inline __attribute__((always_inline))

/* Two complex values in a vector. `spare` is any vector that is no longer needed. */
INLINE int32x4_t multiply(int32x4_t spare, int32x4_t value, int32x4_t factor) {
    return vqrdmladhxq_s32(vqrdmlsdhq_s32(spare, value, factor), value, factor);
}

/* What differs between passes, known to the compiler. */
typedef struct {
    bool scaled;    /* the values are shifted when they are read */
    bool turned;    /* the results are multiplied by twiddles */
    bool scattered; /* a vector's two results go to every fourth place */
} pass_t;

/* Where the four inputs and the four results of two butterflies are. */
typedef struct {
    const int32_t *a;
    const int32_t *b;
    const int32_t *c;
    const int32_t *d;
    int32_t *first;
    int32_t *second;
    int32_t *third;
    int32_t *fourth;
} place_t;

/* `distance` and `step` are counted in integers, two to a complex value. */
INLINE place_t place_at(const int32_t *source, uint32_t distance, int32_t *target, uint32_t step) {
    return (place_t){
        .a = source,
        .b = source + distance,
        .c = source + 2u * distance,
        .d = source + 3u * distance,
        .first = target,
        .second = target + step,
        .third = target + 2u * step,
        .fourth = target + 3u * step,
    };
}

INLINE int32x4_t load(pass_t pass, const int32_t **source, int32_t shift) {
    const int32x4_t value = vld1q_s32(*source);
    *source += 4;
    return pass.scaled ? vrshlq_n_s32(value, shift) : value;
}

INLINE void store(pass_t pass, int32_t **target, int32x4_t value) {
    if (pass.scattered) {
        const uint64x2_t offsets = {0, 32};
        vstrdq_scatter_offset_s64((int64_t *)(void *)*target, offsets,
                                  vreinterpretq_s64_s32(value));
        *target += 16;
    } else {
        vst1q_s32(*target, value);
        *target += 4;
    }
}

/* Two butterflies; the places move on to the next. */
INLINE uint32x4_t butterflies(pass_t pass, place_t *place, int32_t shift, const int32_t *twiddles,
                              uint32x4_t peaks) {
    const int32x4_t a = load(pass, &place->a, shift);
    const int32x4_t c = load(pass, &place->c, shift);
    const int32x4_t even_sum = vaddq_s32(a, c);
    const int32x4_t even_difference = vsubq_s32(a, c);
    const int32x4_t b = load(pass, &place->b, shift);
    const int32x4_t d = load(pass, &place->d, shift);
    const int32x4_t odd_sum = vaddq_s32(b, d);
    const int32x4_t odd_difference = vsubq_s32(b, d);
    int32x4_t first = vaddq_s32(even_sum, odd_sum);
    int32x4_t third = vsubq_s32(even_sum, odd_sum);
    peaks = vmaxaq_s32(peaks, first);
    store(pass, &place->first, first);
    if (pass.turned) {
        third = multiply(first, third, vld1q_s32(twiddles + 4));
    }
    peaks = vmaxaq_s32(peaks, third);
    store(pass, &place->third, third);
    int32x4_t second = vcaddq_rot270_s32(even_difference, odd_difference);
    int32x4_t fourth = vcaddq_rot90_s32(even_difference, odd_difference);
    if (pass.turned) {
        second = multiply(even_difference, second, vld1q_s32(twiddles));
        fourth = multiply(odd_difference, fourth, vld1q_s32(twiddles + 8));
    }
    peaks = vmaxaq_s32(peaks, second);
    store(pass, &place->second, second);
    peaks = vmaxaq_s32(peaks, fourth);
    store(pass, &place->fourth, fourth);
    return peaks;
}

/* By how much values can be shifted for a sum of 2^bits of them to stay below 2^31 / sqrt(2). */
INLINE int32_t room(uint32x4_t peaks, int32_t bits) {
    return (int32_t)__builtin_clz(vmaxvq_u32(1, peaks)) - 2 - bits;
}

static uint32x4_t first_pass(uint32_t points, const int32_t *twiddles, const int32_t *source,
                             int32_t *target) {
    const pass_t pass = {.turned = true, .scattered = true};
    uint32x4_t peaks = vdupq_n_u32(0);
    place_t place = place_at(source, points / 2u, target, 2u);
    for (uint32_t left = points / 8u; left > 0u; --left) {
        peaks = butterflies(pass, &place, 0, twiddles, peaks);
        twiddles += 12;
    }
    return peaks;
}

static uint32x4_t middle_pass(uint32_t points, uint32_t stride, int32_t shift,
                              const int32_t *twiddles, const int32_t *source, int32_t *target) {
    const pass_t pass = {.scaled = true, .turned = true};
    uint32x4_t peaks = vdupq_n_u32(0);
    for (uint32_t point = points / 4u; point > 0u; --point) {
        place_t place = place_at(source, stride * points / 2u, target, 2u * stride);
        for (uint32_t left = stride / 2u; left > 0u; --left) {
            peaks = butterflies(pass, &place, shift, twiddles, peaks);
        }
        source += 2u * stride;
        target += 8u * stride;
        twiddles += 12;
    }
    return peaks;
}

/* The last passes have no twiddle but 1. */
static void last_of_four(uint32_t stride, int32_t shift, const int32_t *source, int32_t *target) {
    const pass_t pass = {.scaled = true};
    place_t place = place_at(source, 2u * stride, target, 2u * stride);
    for (uint32_t left = stride / 2u; left > 0u; --left) {
        butterflies(pass, &place, shift, NULL, vdupq_n_u32(0));
    }
}

static void last_of_two(uint32_t stride, int32_t shift, const int32_t *source, int32_t *target) {
    for (uint32_t left = stride / 2u; left > 0u; --left) {
        const int32x4_t a = vrshlq_n_s32(vld1q_s32(source), shift);
        const int32x4_t b = vrshlq_n_s32(vld1q_s32(source + 2u * stride), shift);
        vst1q_s32(target, vaddq_s32(a, b));
        vst1q_s32(target + 2u * stride, vsubq_s32(a, b));
        source += 4;
        target += 4;
    }
}

/* Magnitudes of two complex values in the first and the third lane. */
INLINE float32x4_t magnitudes(int32x4_t value, float unit) {
    const float32x4_t scaled = vmulq_n_f32(vcvtq_f32_s32(value), unit);
    return birdnet_sqrt_even_x4(vcmlaq_rot270_f32(vcmulq_f32(scaled, scaled), scaled, scaled));
}

/* From the spectrum of the even samples + i * the odd ones to the magnitudes of the real spectrum,
 * each where the complex value was. All is halved, as X[k] can be twice as large as either. */
static void split_real(uint32_t points, const int32_t *twiddles, float unit, int32_t *spectrum) {
    const uint64x2_t swapped = {8, 0};
    const int32x4_t conjugate = {1, -1, 1, -1}; /* GCC 12 miscompiles a constant predicate */
    int32_t *low = spectrum + 2;
    int32_t *high = spectrum + 2u * (points - 2u);
    for (uint32_t left = points / 4u; left > 0u; --left) {
        const int32x4_t value = vld1q_s32(low);
        const int64x2_t end = vldrdq_gather_offset_s64((const int64_t *)(void *)high, swapped);
        const int32x4_t mirrored = vmulq_s32(vreinterpretq_s32_s64(end), conjugate);
        const int32x4_t even = vhaddq_s32(value, mirrored);
        const int32x4_t odd = multiply(mirrored, vhsubq_s32(value, mirrored), vld1q_s32(twiddles));
        vst1q_f32((float *)(void *)low, magnitudes(vhaddq_s32(even, odd), unit));
        vstrdq_scatter_offset_s64((int64_t *)(void *)high, swapped,
                                  vreinterpretq_s64_f32(magnitudes(vhsubq_s32(even, odd), unit)));
        low += 4;
        high -= 4;
        twiddles += 4;
    }
}

static void gather_even(uint32_t count, const int32_t *source, int32_t *target) {
    const uint32x4_t even = vidupq_n_u32(0, 2);
    for (uint32_t left = count / 4u; left > 0u; --left) {
        vst1q_s32(target, vldrwq_gather_shifted_offset_s32(source, even));
        source += 8;
        target += 4;
    }
}

birdnet_magnitude_t *birdnet_fft_magnitudes(uint32_t length, const int32_t *twiddles, int32_t shift,
                                            int32_t *data, int32_t *work) {
    const uint32_t half = length / 2u; /* the samples are taken as half as many complex ones */
    uint32x4_t peaks = first_pass(half, twiddles, data, work);
    int32_t *source = work;
    int32_t *target = data;
    uint32_t stride = 4;
    uint32_t points = half / 4u;
    for (twiddles += 3u * half / 2u; points > 1u; points /= 4u) {
        const int32_t scale = room(peaks, points >= 4u ? 2 : 1);
        if (points > 4u) {
            peaks = middle_pass(points, stride, scale, twiddles, source, target);
            twiddles += 3u * points;
        } else if (points == 4u) {
            last_of_four(stride, scale, source, target);
        } else {
            last_of_two(stride, scale, source, target);
        }
        int32_t *const swapped = source;
        source = target;
        target = swapped;
        stride *= 4u;
        shift += scale;
    }
    const float unit = ldexpf(1.0f, 1 - shift);
    const int32_t re = source[0] >> 1;
    const int32_t im = source[1] >> 1;
    split_real(half, twiddles, unit, source);
    gather_even(half, source, target);
    birdnet_magnitude_t *const result = (birdnet_magnitude_t *)target;
    result[0] = fabsf((float)(re + im) * unit);
    result[half] = fabsf((float)(re - im) * unit);
    return result;
}

#endif
