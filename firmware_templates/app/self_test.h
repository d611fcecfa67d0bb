/* Runs the front end and the network on the stored windows and compares the results with the stored
 * ones.
 *
 * With the stored quantized input, the outputs of the network have to be equal bit by bit. If other
 * hardware computes the network (SELF_TEST_EXACT is 0), the probabilities have to agree as
 * agreement.h says. Windows with different stored outputs then also have to give different outputs,
 * because a broken connection to such hardware gives the same outputs for every input. Of the int8
 * values of the front end, BIRDNET_TEST_MAX_DIFFERING may differ by one, and none by more: sums in
 * float round differently on every processor.
 *
 * If the head is a part of its own, the outputs of the backbone are compared, and those of the head
 * only while it is the one that the firmware was built with. */
#ifndef SELF_TEST_H
#define SELF_TEST_H

#include "agreement.h"
#include "inference.h"

#include <stdint.h>

typedef enum {
    SELF_TEST_PASS = 0,
    SELF_TEST_NOT_RUN = 1,   /* a step ended with an error */
    SELF_TEST_FRONT_END = 2, /* an input of the network differs by more than one */
    SELF_TEST_NETWORK = 3,   /* an output differs */
    SELF_TEST_AGREEMENT = 4, /* the outputs agree too little */
    SELF_TEST_CONSTANT = 5,  /* different windows give equal outputs */
    SELF_TEST_POINTLESS = 6, /* all stored outputs are equal, so a constant would pass */
    SELF_TEST_MANY = 7,      /* too many inputs of the network differ by one */
} self_test_outcome_t;

typedef struct {
    self_test_outcome_t outcome;
    birdnet_status_t status;   /* status of the step that failed, for SELF_TEST_NOT_RUN */
    uint32_t vectors;          /* number of windows that passed */
    uint32_t element;          /* index of the first input or output that differs */
    float expected;            /* the stored value there */
    float actual;              /* the computed value there */
    uint32_t inputs_differing; /* maximum over the windows */
    agreement_t agreement;     /* of the last window, unless its outputs are equal */
    uint32_t front_end_cycles; /* maximum over the windows */
    uint32_t network_cycles;   /* maximum over the windows */
} self_test_report_t;

/* Returns the CPU cycles since some moment, modulo 2^32. The board provides this function. It
 * returns a constant if the board has no counter. */
uint32_t self_test_cycles(void);

/* Runs the self-test. It stops at the first difference. */
void self_test_run(inference_t *inference, self_test_report_t *report);

/* Prints one line for each step:
 *     self-test front-end <cycles> cycles, <inputs> inputs off by one
 *     self-test network <cycles> cycles */
void self_test_print_cycles(const self_test_report_t *report);

/* Prints one line:
 *     self-test PASS <vectors> windows
 *     self-test FAIL window <index>: <why>
 *     self-test FAIL all windows: <why> */
void self_test_print_result(const self_test_report_t *report);

#endif
