#ifndef BIRDNET_STATUS_H
#define BIRDNET_STATUS_H
typedef enum {
    BIRDNET_OK = 0,
    BIRDNET_ERROR_ARGUMENT = 1,
    BIRDNET_ERROR_MEMORY = 2,
    BIRDNET_ERROR_DEVICE = 3,
    BIRDNET_ERROR_TIMEOUT = 4
} birdnet_status_t;
#endif
