#include "birdnet_resampled_wav.h"

#include <string.h>

#define BLOCK_SAMPLES 256u

birdnet_wav_status_t birdnet_resampled_wav_read(const birdnet_wav_t *wav,
                                                const birdnet_resample_filter_t *filter,
                                                birdnet_resampler_t *resampler, uint64_t first,
                                                int16_t *pcm, uint32_t samples) {
    int16_t block[BLOCK_SAMPLES];
    if (filter == NULL) {
        return birdnet_wav_read(wav, first, pcm, samples);
    }
    /* After the end there are zeros, not what the filter makes of the last samples. */
    const uint64_t length = birdnet_resample_samples(filter, wav->samples);
    const uint64_t left = first < length ? length - first : 0u;
    const uint32_t present = samples < left ? samples : (uint32_t)left;
    memset(pcm + present, 0, (size_t)(samples - present) * sizeof *pcm);
    uint64_t at = birdnet_resample_begin(resampler, filter, first);
    for (uint32_t done = 0; done < present;) {
        const birdnet_wav_status_t status = birdnet_wav_read(wav, at, block, BLOCK_SAMPLES);
        uint32_t used = 0;
        if (status != BIRDNET_WAV_OK) {
            return status;
        }
        done += birdnet_resample_run(resampler, block, BLOCK_SAMPLES, &used, pcm + done,
                                     present - done);
        at += used;
    }
    return BIRDNET_WAV_OK;
}
