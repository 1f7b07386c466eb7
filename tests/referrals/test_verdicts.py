"""Every message that others wrote is accepted, held, declined or refused with a reason, as docs/verdicts.md says."""

import re

from tests.referrals.makers import needs_samples
from tests.referrals.verdicts import PAGE, verdicts

ROW = re.compile(r"\| `(.+?)` \| (.*) \|")


@needs_samples
async def test_what_becomes_of_every_sample_is_what_the_page_says() -> None:
    written = {path: said.replace("\\|", "|") for path, said in ROW.findall(PAGE.read_text())}

    assert await verdicts() == written
