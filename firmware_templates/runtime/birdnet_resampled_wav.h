/**
 * @file
 * Reads a recording of another sample rate as if it had the model's.
 */
#ifndef BIRDNET_RESAMPLED_WAV_H
#define BIRDNET_RESAMPLED_WAV_H

#include "birdnet_resample.h"
#include "birdnet_wav.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * birdnet_wav_read() at the output rate of a filter: reads `samples` samples, beginning with number
 * `first`. The result does not depend on where a read begins.
 *
 * @param filter    for the rate of the file; NULL if it needs no conversion
 * @param resampler memory for the conversion
 */
birdnet_wav_status_t birdnet_resampled_wav_read(const birdnet_wav_t *wav,
                                                const birdnet_resample_filter_t *filter,
                                                birdnet_resampler_t *resampler, uint64_t first,
                                                int16_t *pcm, uint32_t samples);

#ifdef __cplusplus
}
#endif

#endif
