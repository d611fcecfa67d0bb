/**
 * @file
 * Converts the sample rate of int16 audio, in integers.
 *
 * An output sample is a sum of input samples around its place in time, so sounds keep their place.
 * The response is flat within 0.01 dB up to 0.45 of the lower of both rates. From 0.5 of the lower
 * rate on, at least 67 dB are taken away. The sum is rounded to the nearest integer, halves
 * upwards, and clipped to int16. birdnet_stm32/audio/decoding/polyphase.py gives the same samples.
 *
 * The filters are generated for the rates that are asked for. A converter works on blocks of any
 * length and holds only the samples that one sum needs; it can begin at any output sample.
 */
#ifndef BIRDNET_RESAMPLE_H
#define BIRDNET_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BIRDNET_RESAMPLE_MOST_TAPS 512u

/** Coefficients of a pair of rates; generated. */
typedef struct {
    uint32_t input_rate_hz;
    uint32_t output_rate_hz;
    uint16_t up;   /**< number of phases: output rate / input rate = up / down */
    uint16_t down; /**< see `up` */
    uint16_t
        taps; /**< input samples of a sum; a multiple of 8, at most BIRDNET_RESAMPLE_MOST_TAPS */
    uint16_t shift;              /**< a coefficient is a real number times 2^shift */
    const int16_t *coefficients; /**< [up][taps], in the order of the input samples */
} birdnet_resample_filter_t;

/** Private to the functions below. */
typedef struct {
    const birdnet_resample_filter_t *filter;
    uint32_t phase;   /* of the next output sample */
    uint32_t missing; /* input samples that it still needs */
    uint32_t oldest;  /* place of the oldest sample in the history */
    int16_t history[2u * BIRDNET_RESAMPLE_MOST_TAPS]; /* the last samples, twice in a row */
} birdnet_resampler_t;

/** Returns the filter for an input rate, or NULL if there is none. */
const birdnet_resample_filter_t *birdnet_resample_find(const birdnet_resample_filter_t *filters,
                                                       size_t count, uint32_t input_rate_hz);

/** The number of output samples of a recording: its length, rounded to a sample. */
uint64_t birdnet_resample_samples(const birdnet_resample_filter_t *filter, uint64_t input_samples);

/**
 * Prepares a converter whose first output sample has the number `first`, counted from 0.
 *
 * @return the number of the input sample that has to be given first
 */
uint64_t birdnet_resample_begin(birdnet_resampler_t *resampler,
                                const birdnet_resample_filter_t *filter, uint64_t first);

/**
 * Converts a block, until the input is used up or the output is full.
 *
 * After the end of a recording, give zeros until there are birdnet_resample_samples() of output.
 *
 * @param input    samples, or NULL for zeros
 * @param count    number of input samples
 * @param used     receives how many of them were taken
 * @param capacity number of samples that `output` has room for
 * @return the number of output samples that were written
 */
uint32_t birdnet_resample_run(birdnet_resampler_t *resampler, const int16_t *input, uint32_t count,
                              uint32_t *used, int16_t *output, uint32_t capacity);

/** The sum of products that a sample is made of; `taps` is a multiple of 8. */
int64_t birdnet_resample_sum(const int16_t *samples, const int16_t *coefficients, uint32_t taps);

#ifdef __cplusplus
}
#endif

#endif
