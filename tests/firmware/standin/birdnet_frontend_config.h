#ifndef BIRDNET_FRONTEND_CONFIG_H
#define BIRDNET_FRONTEND_CONFIG_H
#include "birdnet_frontend.h"
#include "birdnet_network.h"
#define BIRDNET_SAMPLE_RATE_HZ 8000u
#define BIRDNET_WINDOW_SAMPLES 64u
#define BIRDNET_WINDOW_HOP_SAMPLES 32u
#define BIRDNET_FRONTEND_STEPS 2u
#define BIRDNET_FRONTEND_SCRATCH_ELEMENTS 1u
#define BIRDNET_FEATURE_ELEMENTS 64u
#define BIRDNET_FRONTEND_WORKSPACE_BYTES 64u
extern const birdnet_frontend_config_t birdnet_frontend_config;
birdnet_status_t birdnet_frontend_feed(const birdnet_network_t *network, const int16_t *pcm,
                                       double *scratch);
#endif
