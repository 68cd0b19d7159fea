from gan_core.plurals import counted


def test_a_noun_agrees_with_its_number() -> None:
    assert [counted(n, "image") for n in (0, 1, 1500)] == ["0 images", "1 image", "1,500 images"]
