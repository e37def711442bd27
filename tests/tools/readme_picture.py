"""Makes the README's picture from what the demo left.

python3 tests/run.py --python tests/tools/readme_picture.py DEMO_FOLDER
"""

import sys
from pathlib import Path

from PIL import Image

PICTURE = Path(__file__).absolute().parents[2] / "plugin" / "help" / "before-after.jpg"
WIDTH, GAP = 720, 12


def main(folder):
    before, after = (Image.open(folder / name).convert("RGB") for name in ("before.png", "after.png"))
    height = round(before.height * WIDTH / before.width)
    sheet = Image.new("RGB", (2 * WIDTH + GAP, height), "white")
    for x, picture in ((0, before), (WIDTH + GAP, after)):
        sheet.paste(picture.resize((WIDTH, height), Image.Resampling.LANCZOS), (x, 0))
    PICTURE.parent.mkdir(exist_ok=True)
    sheet.save(PICTURE, quality=82)


main(Path(sys.argv[1]))
