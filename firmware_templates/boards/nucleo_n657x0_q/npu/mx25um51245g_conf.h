/* How ST's driver talks to the octo-SPI NOR flash. */
#ifndef MX25UM51245G_CONF_H
#define MX25UM51245G_CONF_H

#include "stm32n6xx_hal.h"

#define CONF_OSPI_ODS MX25UM51245G_CR_ODS_24

/* Cycles between a command and its data: those of ST's applications for this board. */
#define DUMMY_CYCLES_READ 8U
#define DUMMY_CYCLES_READ_OCTAL 6U
#define DUMMY_CYCLES_READ_OCTAL_DTR 6U
#define DUMMY_CYCLES_REG_OCTAL 4U
#define DUMMY_CYCLES_REG_OCTAL_DTR 5U

#endif
