/* What the hardware says of a failure, in one line: that of board_diagnose(). */
#include "board.h"
#include "console.h"
#include "ll_aton_platform.h"
#include "npu_access.h"
#include "stm32n6xx_hal.h"
#include "trace.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *name;
    const RISAF_TypeDef *registers;
} firewall_t;

/* Those on the ways to the network's memories; the controller's flags show the others. */
static const firewall_t firewalls[] = {
    {"RISAF2 (AXISRAM1)", RISAF2}, {"RISAF3 (AXISRAM2)", RISAF3},
    {"RISAF4 (NPU)", RISAF4},      {"RISAF5 (NPU)", RISAF5},
    {"RISAF6 (CPU)", RISAF6},      {"RISAF11 (external RAM)", RISAF11},
    {"RISAF12 (flash)", RISAF12},
};

static void named_number(const char *name, uint32_t value) {
    console_text(name);
    console_hex(value);
}

static void print_npu(void) {
    if (!npu_access_is_on()) { /* its registers do not answer */
        console_text("NPU off");
        return;
    }
    console_text("block ");
    console_unsigned(trace_block());
    named_number(", NPU interrupts ", ATON_INTCTRL_INTREG_GET(0));
    named_number(", epoch controller ", ATON_EPOCHCTRL_IRQ_GET(0));
    named_number(" at ", ATON_EPOCHCTRL_BC_GET(0));
}

/* Reads without clearing: the line is printed again and again. */
static void print_firewall(const firewall_t *firewall) {
    const uint32_t access = firewall->registers->IAR->IAESR;
    console_text(", ");
    console_text(firewall->name);
    console_text((access & RISAF_IAESR_IANRW) != 0u ? " refused a write" : " refused a read");
    named_number(" at ", firewall->registers->IAR->IADDR);
    console_text(" by compartment ");
    console_unsigned(access & RISAF_IAESR_IACID);
}

static void print_illegal_accesses(void) {
    bool any = false;
    for (size_t i = 0; i < sizeof IAC->ISR / sizeof IAC->ISR[0]; ++i) {
        any = any || IAC->ISR[i] != 0u;
    }
    console_text(any ? "illegal accesses" : "no illegal access");
    for (size_t i = 0; any && i < sizeof IAC->ISR / sizeof IAC->ISR[0]; ++i) {
        named_number(" ", IAC->ISR[i]);
    }
    for (size_t i = 0; i < sizeof firewalls / sizeof firewalls[0]; ++i) {
        if ((firewalls[i].registers->IASR & RISAF_IASR_IAEF) != 0u) {
            print_firewall(&firewalls[i]);
        }
    }
}

void board_diagnose(void) {
    console_text("diagnosis: ");
    print_npu();
    named_number("; cfsr ", SCB->CFSR);
    named_number(" bfar ", SCB->BFAR);
    console_text("; ");
    if (npu_access_is_watched()) {
        print_illegal_accesses();
    } else {
        console_text("illegal accesses not watched yet");
    }
    console_text("\n");
}
