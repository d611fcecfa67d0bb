/* Runs the stored windows through the front end and the network and compares with what they have to
 * give.
 *
 * The network has to be equal, bit by bit, given the stored quantized input. Where other hardware
 * computes it (SELF_TEST_EXACT is 0) its probabilities have to agree as agreement.h says, and
 * windows that have to differ in their outputs have to do so: a broken way to such hardware gives
 * the same outputs for every input. Of the
 * front end's int8 BIRDNET_TEST_MAX_DIFFERING may be off by one, and none by more: its sums round
 * differently on every processor. */
#ifndef SELF_TEST_H
#define SELF_TEST_H

#include "agreement.h"
#include "inference.h"

#include <stdint.h>

typedef enum {
    SELF_TEST_PASS = 0,
    SELF_TEST_NOT_RUN = 1,   /* a step ended with an error */
    SELF_TEST_FRONT_END = 2, /* an input of the network is off by more than one */
    SELF_TEST_NETWORK = 3,   /* an output is not equal */
    SELF_TEST_AGREEMENT = 4, /* the outputs agree too little */
    SELF_TEST_CONSTANT = 5,  /* different windows give equal outputs */
    SELF_TEST_POINTLESS = 6, /* all stored outputs are equal: a constant would pass */
    SELF_TEST_MANY = 7,      /* too many inputs of the network are off by one */
} self_test_outcome_t;

typedef struct {
    self_test_outcome_t outcome;
    birdnet_status_t status;   /* of the step that failed, for SELF_TEST_NOT_RUN */
    uint32_t vectors;          /* that passed */
    uint32_t element;          /* of the inputs or outputs, where the first difference is */
    float expected;            /* there */
    float actual;              /* there */
    uint32_t inputs_differing; /* most for one window */
    agreement_t agreement;     /* of the window last compared, unless outputs are equal */
    uint32_t front_end_cycles; /* most for one window */
    uint32_t network_cycles;   /* most for one window */
} self_test_report_t;

/* CPU cycles since some moment, modulo 2^32. The board provides it; a constant where it has no
 * counter. */
uint32_t self_test_cycles(void);

/* Stops at the first difference. */
void self_test_run(inference_t *inference, self_test_report_t *report);

/* One line a stage:
 *     self-test front-end <cycles> cycles, <inputs> inputs off by one
 *     self-test network <cycles> cycles */
void self_test_print_cycles(const self_test_report_t *report);

/* One line:
 *     self-test PASS <vectors> windows
 *     self-test FAIL window <index>: <why>
 *     self-test FAIL all windows: <why> */
void self_test_print_result(const self_test_report_t *report);

#endif
