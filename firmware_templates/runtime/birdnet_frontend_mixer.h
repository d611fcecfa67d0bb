/**
 * @file
 * The front ends with a mixer. This is internal to the front end.
 */
#ifndef BIRDNET_FRONTEND_MIXER_H
#define BIRDNET_FRONTEND_MIXER_H

#include "birdnet_frontend.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * birdnet_frontend_quantize() with a mixer, with its result in the workspace. The energies of the
 * bands are kept in float until the smallest and the largest value of the window are known.
 *
 * @param[in]  config     a front end with a mixer
 * @param[in]  target     scale and strides
 * @param[in]  pcm        `window_samples` samples
 * @param[out] scratch    `scratch_elements` values, overwritten
 * @param[out] workspace  `workspace_bytes` bytes: first the result, then the energies
 */
birdnet_status_t birdnet_frontend_mix_quantized(const birdnet_frontend_config_t *config,
                                                const birdnet_frontend_target_t *target,
                                                const int16_t *pcm, double *scratch,
                                                void *workspace);

#ifdef __cplusplus
}
#endif

#endif
