/**
 * @file
 * The head of a network: its last layer, which names classes, as data that can be replaced alone.
 *
 * A head lies in a section of its own, `.birdnet_head`. Whoever writes a new head of the same
 * backbone there gives the network other classes, without touching the program. A head has this
 * layout. All numbers are little endian. The section is aligned to 8 bytes, and so is every array
 * to its elements.
 *
 *     offset  type       field
 *     0x00    char[4]    magic, "BNHD"
 *     0x04    uint32     format, 1
 *     0x08    uint32     size of all in bytes, a multiple of 8
 *     0x0C    uint32     CRC-32 (IEEE 802.3, as in zlib) of all bytes from 0x10 on
 *     0x10    uint32     version of the head, for people
 *     0x14    uint32     classes
 *     0x18    uint32     channels: values that the backbone gives
 *     0x1C    uint32     1: the output is a logit. 0: it is a probability, and there is a table
 *     0x20    uint8[32]  SHA-256 of the backbone that this head was made for
 *     0x40    float      scale of the backbone's output: real = scale * (int8 - zero point)
 *     0x44    int32      its zero point
 *     0x48    int32      zero point of the dense layer's result
 *     0x4C    int32      least result of the dense layer
 *     0x50    int32      greatest result of the dense layer
 *     0x54    float      scale of the output
 *     0x58    int32      its zero point
 *     0x5C    uint32     bytes of the names, with the zeros after them
 *     0x60    double[]   [classes] scale, from the sum of a class to its result
 *     ...     int32[]    [classes] bias, with the zero point of the backbone's output folded in
 *     ...     float[]    [classes] probability from which a class counts as heard
 *     ...     int8[256]  sigmoid of each result from -128 on, only where there is a table
 *     ...     int8[]     [classes, channels] weights
 *     ...     char[]     names in UTF-8, each with a zero after it, then zeros up to the size
 *
 * Nothing in a head is trusted. birdnet_head_open() checks every number before it is used, so that
 * a damaged or foreign head is refused and never read beyond the section. There is no signature:
 * the check finds accidents and heads of other models, not an attacker who may write to the flash.
 */
#ifndef BIRDNET_HEAD_H
#define BIRDNET_HEAD_H

#include "birdnet_kernels.h"
#include "birdnet_status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BIRDNET_HEAD_MAGIC 0x44484E42u /* "BNHD" */
#define BIRDNET_HEAD_FORMAT 1u
#define BIRDNET_HEAD_ALIGNMENT 8u
/** Greatest number of classes and of channels of any head. */
#define BIRDNET_HEAD_MAX_CLASSES 4096u
#define BIRDNET_HEAD_MAX_CHANNELS 8192u

/** The bytes from 0x00 to 0x5F. */
typedef struct {
    uint32_t magic;
    uint32_t format;
    uint32_t size_bytes;
    uint32_t crc32;
    uint32_t version;
    uint32_t classes;
    uint32_t channels;
    uint32_t output_is_logit;
    uint8_t backbone[32];
    float input_scale;
    int32_t input_zero_point;
    int32_t dense_zero_point;
    int32_t dense_minimum;
    int32_t dense_maximum;
    float output_scale;
    int32_t output_zero_point;
    uint32_t names_bytes;
} birdnet_head_header_t;

/** What a network expects of its head. It is a part of the program. */
typedef struct {
    uint8_t backbone[32];     /**< SHA-256 of the backbone: its int8 weights, graph and front end */
    uint32_t channels;        /**< values that the backbone gives */
    float input_scale;        /**< of these values */
    int32_t input_zero_point; /**< of these values */
    uint32_t max_classes;     /**< classes that memory is reserved for */
    uint32_t section_bytes;   /**< size of the section that heads lie in */
} birdnet_head_expectation_t;

/** Whether a head can be used, and if not, why. */
typedef enum {
    BIRDNET_HEAD_OK = 0,
    BIRDNET_HEAD_MISSING = 1,    /**< no magic: nothing was written there */
    BIRDNET_HEAD_FORMAT_NEW = 2, /**< a format that this program does not know */
    BIRDNET_HEAD_SIZE = 3,       /**< larger than the section, or its parts have another size */
    BIRDNET_HEAD_DAMAGED = 4,    /**< wrong CRC-32 */
    BIRDNET_HEAD_BACKBONE = 5,   /**< made for another backbone */
    BIRDNET_HEAD_CLASSES = 6,    /**< more classes than memory is reserved for, or none */
    BIRDNET_HEAD_VALUES = 7,     /**< a number is out of its range */
    BIRDNET_HEAD_MISALIGNED = 8, /**< the section is not aligned */
} birdnet_head_status_t;

/** A head that was checked. The pointers lead into the section. */
typedef struct {
    uint32_t version;
    uint32_t crc32;   /**< tells one head from another */
    uint32_t classes; /**< 0: no head was opened */
    uint32_t output_is_logit;
    birdnet_fully_connected_t dense;
    birdnet_affine_t output;
    const int8_t *table;     /**< null if the output is a logit */
    const float *thresholds; /**< [classes] */
    const char *names;
} birdnet_head_t;

/**
 * Check a head and prepare it.
 *
 * @param head          becomes the head, or empty if it is refused
 * @param expected      what the network expects
 * @param section       where the head begins; nothing may change there while the head is used
 * @param section_bytes size of the memory there; nothing behind it is read
 */
birdnet_head_status_t birdnet_head_open(birdnet_head_t *head,
                                        const birdnet_head_expectation_t *expected,
                                        const void *section, size_t section_bytes);

/** Why a head was refused, as a text for people. */
const char *birdnet_head_status_text(birdnet_head_status_t status);

/** Name of a class in UTF-8; an empty text if there is no such class. */
const char *birdnet_head_name(const birdnet_head_t *head, uint32_t label);

/**
 * Compute the classes: dense layer, then the table if there is one.
 *
 * @param input  [channels] output of the backbone
 * @param output [classes]; must not overlap the input
 * @return BIRDNET_ERROR_ARGUMENT: a pointer is null, or no head was opened
 */
birdnet_status_t birdnet_head_run(const birdnet_head_t *head, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
