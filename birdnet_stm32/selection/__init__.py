"""Try recipes, measure their candidates, and choose the one that goes on."""
