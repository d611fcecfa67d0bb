/**
 * @file
 * The result of every function of the runtime.
 */
#ifndef BIRDNET_STATUS_H
#define BIRDNET_STATUS_H

typedef enum {
    BIRDNET_OK = 0,
    BIRDNET_ERROR_ARGUMENT = 1, /**< a pointer is null or misaligned, or a size is not positive */
    BIRDNET_ERROR_MEMORY = 2,   /**< the given memory is too small */
    BIRDNET_ERROR_DEVICE = 3,   /**< an accelerator failed; never on the CPU */
    BIRDNET_ERROR_TIMEOUT = 4   /**< an accelerator hung; never on the CPU */
} birdnet_status_t;

#endif
