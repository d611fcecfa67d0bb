#ifndef BIRDNET_FRONTEND_H
#define BIRDNET_FRONTEND_H
#include "birdnet_status.h"
#include <stddef.h>
#include <stdint.h>
typedef struct {
    uint32_t elements;
} birdnet_frontend_config_t;
birdnet_status_t birdnet_frontend_step(const birdnet_frontend_config_t *config, uint32_t step,
                                       const int16_t *pcm, double *scratch, float *features);
#endif
