/* The transform for cores with Helium: radix 4, self-sorting, in integers with a common exponent.
 */
#include "birdnet_fft.h"

#ifdef BIRDNET_FFT_FIXED

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "birdnet_float_mve.h"

#define INLINE static inline __attribute__((always_inline))

/* If the passes were inlined into one function, the scalar registers would not be enough. */
#define OUTLINE static __attribute__((noinline))

/* The differences between passes, as compile-time constants. */
typedef struct {
    uint32_t halvings; /* how many of the two additions of a value halve it */
    bool turned;       /* the results are multiplied by twiddles */
    bool measured;     /* the largest result is computed */
} pass_t;

/* Addresses of the four inputs of two butterflies, and the distance to the next ones. Like all
 * distances it is counted in integers, of which a complex value has two. */
typedef struct {
    const int32_t *a;
    const int32_t *b;
    const int32_t *c;
    const int32_t *d;
    uint32_t step;
} source_t;

/* Addresses of the four results, and the distance to the next ones. */
typedef struct {
    int32_t *first;
    int32_t *second;
    int32_t *third;
    int32_t *fourth;
    uint32_t step;
} target_t;

/* Twiddle factors of three results, in the order of their use, as in the table. */
typedef struct {
    int32x4_t third;
    int32x4_t second;
    int32x4_t fourth;
} twiddles_t;

typedef struct {
    int32x4_t sum;
    int32x4_t difference;
} pair_t;

INLINE source_t source_at(const int32_t *source, uint32_t distance, uint32_t step) {
    return (source_t){
        .a = source,
        .b = source + distance,
        .c = source + 2u * distance,
        .d = source + 3u * distance,
        .step = step,
    };
}

INLINE target_t target_at(int32_t *target, uint32_t distance, uint32_t step) {
    return (target_t){
        .first = target,
        .second = target + distance,
        .third = target + 2u * distance,
        .fourth = target + 3u * distance,
        .step = step,
    };
}

INLINE int32x4_t get(const int32_t **source, uint32_t step) {
    const int32x4_t value = vld1q_s32(*source);
    *source += step;
    return value;
}

INLINE void put(int32_t **target, uint32_t step, int32x4_t value) {
    vst1q_s32(*target, value);
    *target += step;
}

/* The next vector of a table. If a pointer is used several times in a row, GCC would copy it and
 * add to it once. The empty statement forces an increment with each load, which costs nothing. */
INLINE int32x4_t next(const int32_t **table) {
    const int32x4_t value = get(table, 4);
    __asm("" : "+r"(*table));
    return value;
}

INLINE int16x8_t next_samples(const int16_t **pcm) {
    const int16x8_t samples = vld1q_s16(*pcm);
    *pcm += 8;
    __asm("" : "+r"(*pcm));
    return samples;
}

/* A half is rounded up in sums and down in differences, and down where these are added. If it were
 * always rounded down, an offset would grow with every pass. */
INLINE pair_t add_and_subtract(bool halved, int32x4_t a, int32x4_t b) {
    return (pair_t){
        .sum = halved ? vrhaddq_s32(a, b) : vaddq_s32(a, b),
        .difference = halved ? vhsubq_s32(a, b) : vsubq_s32(a, b),
    };
}

/* Two complex products. `spare` is any vector that is no longer needed. */
INLINE int32x4_t multiply(int32x4_t spare, int32x4_t value, int32x4_t factor) {
    return vqrdmladhxq_s32(vqrdmlsdhq_s32(spare, value, factor), value, factor);
}

/* Two butterflies. Source and target move on to the next ones. The twiddle factors are `kept`, or
 * the next ones of the table if `kept` is NULL. */
INLINE uint32x4_t butterflies(pass_t pass, source_t *source, const twiddles_t *kept,
                              const int32_t **table, target_t *target, uint32x4_t peaks) {
    const int32x4_t a = get(&source->a, source->step);
    const int32x4_t c = get(&source->c, source->step);
    const pair_t even = add_and_subtract(pass.halvings == 2u, a, c);
    const int32x4_t b = get(&source->b, source->step);
    const int32x4_t d = get(&source->d, source->step);
    const pair_t odd = add_and_subtract(pass.halvings == 2u, b, d);
    const bool halved = pass.halvings > 0u;
    const int32x4_t first = halved ? vhaddq_s32(even.sum, odd.sum) : vaddq_s32(even.sum, odd.sum);
    int32x4_t third = halved ? vhsubq_s32(even.sum, odd.sum) : vsubq_s32(even.sum, odd.sum);
    put(&target->first, target->step, first);
    peaks = pass.measured ? vmaxaq_s32(peaks, first) : peaks;
    if (pass.turned) {
        third = multiply(first, third, kept != NULL ? kept->third : next(table));
    }
    put(&target->third, target->step, third);
    peaks = pass.measured ? vmaxaq_s32(peaks, third) : peaks;
    int32x4_t second = halved ? vhcaddq_rot270_s32(even.difference, odd.difference)
                              : vcaddq_rot270_s32(even.difference, odd.difference);
    int32x4_t fourth = halved ? vhcaddq_rot90_s32(even.difference, odd.difference)
                              : vcaddq_rot90_s32(even.difference, odd.difference);
    if (pass.turned) {
        second = multiply(even.difference, second, kept != NULL ? kept->second : next(table));
    }
    put(&target->second, target->step, second);
    peaks = pass.measured ? vmaxaq_s32(peaks, second) : peaks;
    if (pass.turned) {
        fourth = multiply(odd.difference, fourth, kept != NULL ? kept->fourth : next(table));
    }
    put(&target->fourth, target->step, fourth);
    return pass.measured ? vmaxaq_s32(peaks, fourth) : peaks;
}

/* The shift of the samples for which none is above 2^29, so that a quiet frame keeps all bits of
 * its products. In the outer eighths of a frame, where the taper is below 0.15, the limit is 2^31.
 * A sum of four tapered complex values is then below 2^30.8. */
OUTLINE int32_t headroom(uint32_t length, const int16_t *pcm) {
    const uint32_t eighth = length / 8u;
    const int16_t *last_eighth = pcm + 7u * eighth;
    uint16x8_t outer = vdupq_n_u16(0);
    for (uint32_t left = eighth / 8u; left > 0u; --left) {
        outer = vmaxaq_s16(outer, next_samples(&pcm));
        outer = vmaxaq_s16(outer, next_samples(&last_eighth));
    }
    uint16x8_t inner = vdupq_n_u16(0);
    for (uint32_t left = eighth / 8u; left > 0u; --left) {
        inner = vmaxaq_s16(inner, next_samples(&pcm));
        inner = vmaxaq_s16(inner, next_samples(&pcm));
        inner = vmaxaq_s16(inner, next_samples(&pcm));
        inner = vmaxaq_s16(inner, next_samples(&pcm));
        inner = vmaxaq_s16(inner, next_samples(&pcm));
        inner = vmaxaq_s16(inner, next_samples(&pcm));
    }
    const uint32_t inner_limit = vmaxvq_u16(2, inner) - 1u;
    const uint32_t outer_limit = vmaxvq_u16(0, outer) / 4u;
    return (int32_t)__builtin_clz(inner_limit > outer_limit ? inner_limit : outer_limit) - 3;
}

/* Samples, and the samples half a frame later. Their tapers add up to 1. */
INLINE pair_t tapered(const int16_t **sample, const int16_t **later, int32_t shift,
                      const int32_t **taper) {
    const int32x4_t factor = next(taper);
    const int32x4_t a = vqrdmulhq_s32(vshlq_r_s32(vldrhq_s32(*sample), shift), factor);
    *sample += 4;
    const int32x4_t c = vshlq_r_s32(vldrhq_s32(*later), shift);
    *later += 4;
    return add_and_subtract(false, a, vsubq_s32(c, vqrdmulhq_s32(c, factor)));
}

/* Two samples are one complex value. The two results of a vector are stored four values apart. The
 * addresses are in a vector, too, because a store can increment them. */
OUTLINE void first_pass(uint32_t points, const int32_t *taper, const int32_t *table,
                        const int16_t *a, int32_t shift, int32_t *target) {
    const int16_t *b = a + points / 2u;
    const int16_t *c = b + points / 2u;
    const int16_t *d = c + points / 2u;
    const int32_t *taper_b = taper + points / 2u;
    uint64x2_t before = {(uint32_t)target - 64u, (uint32_t)target - 32u};
    for (uint32_t left = points / 8u; left > 0u; --left) {
        const pair_t even = tapered(&a, &c, shift, &taper);
        const pair_t odd = tapered(&b, &d, shift, &taper_b);
        const pair_t sums = add_and_subtract(false, even.sum, odd.sum);
        vstrdq_scatter_base_wb_s64(&before, 64, vreinterpretq_s64_s32(sums.sum));
        const int32x4_t third = multiply(sums.sum, sums.difference, next(&table));
        vstrdq_scatter_base_s64(before, 16, vreinterpretq_s64_s32(third));
        int32x4_t second = vcaddq_rot270_s32(even.difference, odd.difference);
        int32x4_t fourth = vcaddq_rot90_s32(even.difference, odd.difference);
        second = multiply(even.difference, second, next(&table));
        vstrdq_scatter_base_s64(before, 8, vreinterpretq_s64_s32(second));
        fourth = multiply(odd.difference, fourth, next(&table));
        vstrdq_scatter_base_s64(before, 24, vreinterpretq_s64_s32(fourth));
    }
}

/* With so few sequences, the loop runs over the points. */
#define SECOND_STRIDE 4u

OUTLINE uint32x4_t second_pass(uint32_t points, const int32_t *table, const int32_t *from,
                               int32_t *to) {
    const pass_t pass = {.halvings = 2, .turned = true, .measured = true};
    uint32x4_t peaks = vdupq_n_u32(0);
    for (uint32_t sequence = 0; sequence < SECOND_STRIDE; sequence += 2u) {
        source_t source = source_at(from, SECOND_STRIDE * points / 2u, 2u * SECOND_STRIDE);
        target_t target = target_at(to, 2u * SECOND_STRIDE, 8u * SECOND_STRIDE);
        const int32_t *rest = table;
        for (uint32_t left = points / 4u; left > 0u; --left) {
            peaks = butterflies(pass, &source, NULL, &rest, &target, peaks);
        }
        from += 4;
        to += 4;
    }
    return peaks;
}

INLINE void row(uint32_t halvings, const twiddles_t *kept, source_t source, target_t target,
                uint32_t stride) {
    const pass_t pass = {.halvings = halvings, .turned = kept != NULL};
    for (uint32_t left = stride / 2u; left > 0u; --left) {
        butterflies(pass, &source, kept, NULL, &target, vdupq_n_u32(0));
    }
}

/* One point of all sequences. */
INLINE void scaled_row(uint32_t halvings, const twiddles_t *kept, uint32_t points, uint32_t stride,
                       const int32_t *from, int32_t *to) {
    const source_t source = source_at(from, stride * points / 2u, 4);
    const target_t target = target_at(to, 2u * stride, 4);
    switch (halvings) {
    case 0:
        row(0, kept, source, target, stride);
        break;
    case 1:
        row(1, kept, source, target, stride);
        break;
    default:
        row(2, kept, source, target, stride);
        break;
    }
}

/* The twiddle factors of the first point are 1. The last pass has no others. */
OUTLINE void later_pass(uint32_t halvings, uint32_t points, uint32_t stride, const int32_t *table,
                        const int32_t *from, int32_t *to) {
    scaled_row(halvings, NULL, points, stride, from, to);
    for (uint32_t left = points / 4u - 1u; left > 0u; --left) {
        from += 2u * stride;
        to += 8u * stride;
        twiddles_t kept;
        kept.third = next(&table);
        kept.second = next(&table);
        kept.fourth = next(&table);
        scaled_row(halvings, &kept, points, stride, from, to);
    }
}

/* The last pass if the number of points is not a power of four. */
OUTLINE void last_of_two(uint32_t stride, const int32_t *source, int32_t *target) {
    for (uint32_t left = stride / 2u; left > 0u; --left) {
        const pair_t both =
            add_and_subtract(true, vld1q_s32(source), vld1q_s32(source + 2u * stride));
        vst1q_s32(target, both.sum);
        vst1q_s32(target + 2u * stride, both.difference);
        source += 4;
        target += 4;
    }
}

INLINE float32x4_t squares(int32x4_t re, int32x4_t im) {
    const float32x4_t real = vcvtq_f32_s32(re);
    const float32x4_t imaginary = vcvtq_f32_s32(im);
    return vfmaq_f32(vmulq_f32(real, real), imaginary, imaginary);
}

/* The magnitudes of the real spectrum, except for its two ends, from the spectrum of even samples +
 * i * odd samples. Everything is halved, because X[k] can be twice as large as either. */
OUTLINE void split_real(uint32_t points, const int32_t *table, float unit, const int32_t *spectrum,
                        birdnet_magnitude_t *magnitudes) {
    const int32_t *value = spectrum + 2;
    uint32x4_t mirror = vddupq_n_u32(2u * points - 2u, 2);
    float *low = (float *)magnitudes + 1;
    float *high = (float *)magnitudes + points - 4u;
    for (uint32_t left = points / 8u; left > 0u; --left) {
        const int32x4x2_t z = vld2q_s32(value);
        value += 8;
        const int32x4_t mirrored_re = vldrwq_gather_shifted_offset_s32(spectrum, mirror);
        const int32x4_t even_re = vrhaddq_s32(z.val[0], mirrored_re);
        const int32x4_t odd_re = vhsubq_s32(z.val[0], mirrored_re);
        const int32x4_t mirrored_im = vldrwq_gather_shifted_offset_s32(spectrum + 1, mirror);
        mirror = vsubq_n_u32(mirror, 8);
        const int32x4_t even_im = vhsubq_s32(z.val[1], mirrored_im);
        const int32x4_t odd_im = vrhaddq_s32(z.val[1], mirrored_im);
        const int32x4_t cosine = next(&table);
        int32x4_t re = vqrdmulhq_s32(odd_re, cosine);
        int32x4_t im = vqrdmulhq_s32(odd_im, cosine);
        const int32x4_t sine = next(&table);
        re = vsubq_s32(re, vqrdmulhq_s32(odd_im, sine));
        im = vaddq_s32(im, vqrdmulhq_s32(odd_re, sine));
        const float32x4_t up = squares(vhaddq_s32(even_re, re), vhaddq_s32(even_im, im));
        vst1q_f32(low, vmulq_n_f32(birdnet_sqrt_x4(up), unit));
        low += 4;
        const float32x4_t down = squares(vhsubq_s32(even_re, re), vhsubq_s32(even_im, im));
        vst1q_f32(high, vmulq_n_f32(birdnet_sqrt_reversed_x4(down), unit));
        high -= 4;
    }
}

const birdnet_magnitude_t *birdnet_fft_magnitudes(uint32_t length, const int32_t *taper,
                                                  const int32_t *twiddles, const int16_t *pcm,
                                                  uint32_t bins, int32_t *work,
                                                  birdnet_magnitude_t *magnitudes) {
    const uint32_t half = length / 2u;
    int32_t *source = work;
    int32_t *target = work + length;
    int32_t shift = headroom(length, pcm); /* values are samples * 2^shift */
    first_pass(half, taper, twiddles, pcm, shift, source);
    twiddles += 3u * half / 2u;
    uint32_t points = half / 4u;
    const uint32x4_t peaks = second_pass(points, twiddles, source, target);
    twiddles += 3u * points;
    shift -= 2;
    /* The number of bits by which values may still grow. A pass adds at most 2. */
    int32_t room = (int32_t)__builtin_clz(vmaxvq_u32(1, peaks)) - 2;
    room = room < 0 ? 0 : room;
    uint32_t stride = 4u * SECOND_STRIDE;
    for (points /= 4u; points > 1u; points /= 4u) {
        int32_t *const swapped = source;
        source = target;
        target = swapped;
        if (points == 2u) {
            last_of_two(stride, source, target);
            shift -= 1;
            break;
        }
        const int32_t halvings = room < 2 ? 2 - room : 0;
        later_pass((uint32_t)halvings, points, stride, twiddles, source, target);
        twiddles += 3u * points - 12u;
        shift -= halvings;
        room += halvings - 2;
        stride *= 4u;
    }
    birdnet_magnitude_t *const result =
        magnitudes != NULL ? magnitudes : (birdnet_magnitude_t *)source;
    const float unit = (float)(UINT32_C(1) << (27 - shift)) * 0x1p-41f; /* 2^(1 - shift - 15) */
    split_real(half, twiddles, unit, target, result);
    const int32_t re = target[0] >> 1;
    const int32_t im = target[1] >> 1;
    result[0] = fabsf((float)(re + im) * unit);
    if (bins > half) {
        result[half] = fabsf((float)(re - im) * unit);
    }
    return result;
}

#endif
