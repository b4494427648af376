"""What a planned line says of amount and solution."""

import pytest

from miz.checks.amounts import Amount, amount_in


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Articain 4 % 1:100.000, 2 Ampullen", Amount(cartridges=2, percent=4, dilution=100_000)),
        ("2 Zylinderampullen Articain 1:200000", Amount(cartridges=2, dilution=200_000)),
        ("Septanest 1/200.000 1,5 Karpulen", Amount(cartridges=1.5, dilution=200_000)),
        ("Ultracain D-S forte 3 ml", Amount(ml=3)),
        ("Ultracain D-S 2 x 1,7 ml", Amount(ml=3.4)),
        ("Articain 1:100.000 3x1,7ml", Amount(ml=5.1, dilution=100_000)),
        ("3 Ampullen à 1,8 ml Lidocain 2 % 1:80.000", Amount(cartridges=3, cartridge_ml=1.8, percent=2, dilution=80_000)),
        ("Ultracain D-S eine halbe Ampulle", Amount(cartridges=0.5)),
        ("Mepivacain 3 % ½ Ampulle", Amount(cartridges=0.5, percent=3)),
        ("articaine 4% 1:100,000 two cartridges", Amount(cartridges=2, percent=4, dilution=100_000)),
        ("Articain 80 mg", Amount(mg=80)),
        ("Articain 40 mg/ml 1:100.000", Amount(dilution=100_000)),
        ("Lidocain-Spray 40 mg", Amount(mg=40, is_on_surface=True)),
        ("Lidocain Gel 2 % 1 ml", Amount(ml=1, percent=2, is_on_surface=True)),
        ("Articain 1:100.000 Regio 36", Amount(dilution=100_000)),
        ("Articain", Amount()),
        ("Ultracain 2 ml, dann 1 ml", Amount()),
    ],
)
def test_what_a_line_says(text: str, said: Amount) -> None:
    assert amount_in(text) == said
