#ifndef BIRDNET_STATUS_H
#define BIRDNET_STATUS_H
typedef enum {
    BIRDNET_OK = 0,
    BIRDNET_ERROR_ARGUMENT = 1,
    BIRDNET_ERROR_MEMORY = 2
} birdnet_status_t;
#endif
