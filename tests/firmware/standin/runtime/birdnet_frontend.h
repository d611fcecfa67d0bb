#ifndef BIRDNET_FRONTEND_H
#define BIRDNET_FRONTEND_H
#include "birdnet_status.h"
#include <stddef.h>
#include <stdint.h>
typedef struct {
    uint32_t elements;
} birdnet_frontend_config_t;
birdnet_status_t birdnet_frontend_magnitude(const birdnet_frontend_config_t *config,
                                            const int16_t *pcm, float *scratch, float *features);
birdnet_status_t birdnet_frontend_compress(const birdnet_frontend_config_t *config,
                                           float *features);
birdnet_status_t birdnet_frontend_normalize(const birdnet_frontend_config_t *config,
                                            float *features);
#endif
