"""`coldstart data check` and `coldstart import`, with data that are not as they should be."""

from pathlib import Path

from tests.e2e.commands import Coldstart


def test_import_checks_rows_like_requests(
    coldstart: Coldstart, model_dir: Path, dataset_dir: Path, tmp_path: Path
) -> None:
    coldstart("model", "activate", coldstart("model", "register", model_dir).out.strip())
    shop = tmp_path / "shop"
    shop.mkdir()
    own = (dataset_dir / "schema.toml").read_text(encoding="utf-8").replace("maximum = 5", "maximum = 5\nstep = 0.5")
    log = '\n[interactions]\nuser = "user"\nitem = "item"\nkind = "kind"\nfiles = [{ path = "log.csv" }]\n'
    (shop / "schema.toml").write_text(own + '[[items.fields]]\nname = "colour"\nkind = "categorical"\n' + log)
    (shop / "users.csv").write_text("user,country,age\nu1,fr,30\n")
    (shop / "items.csv").write_text("item,name,genre,year,colour\nx1,Mug,comedy,1999,red\n")
    (shop / "ratings.csv").write_text("user,item,stars\nada,i1,5\nada,i2,3.5\nada,x1,4\nbob,x2,4\n")
    (shop / "log.csv").write_text("user,item,kind\nada,i1,view\nada,x1,view\n")

    refused = coldstart("import", "ratings", "--data", shop)
    assert (refused.code, "FOREIGN KEY" in refused.err) == (2, False)
    for said in (
        "3 malformed rows",
        "ratings.csv:3: rating '3.5' is not on the scale of the active model, 1 to 5 in steps of 1",
        "ratings.csv:4: item 'x1' is not in the catalogue",
        "import the items first",
    ):
        assert said in refused.err
    assert "imported 1 ratings" in coldstart("import", "ratings", "--data", shop, "--malformed", "skip").out

    refused = coldstart("import", "interactions", "--data", shop)
    assert (refused.code, "log.csv:3: item 'x1' is not in the catalogue" in refused.err) == (2, True)
    assert "imported 1 interactions" in coldstart("import", "interactions", "--data", shop, "--malformed", "skip").out

    refused = coldstart("import", "items", "--data", shop)
    assert (refused.code, "the active model has no item attribute colour" in refused.err) == (2, True)
    absent = coldstart("import", "interactions", "--data", dataset_dir)
    assert (absent.code, "names no interactions" in absent.err) == (2, True)


def test_data_check_says_what_is_missing_for_a_training(coldstart: Coldstart, tmp_path: Path) -> None:
    (tmp_path / "schema.toml").write_text(
        'name = "small"\nrating_scale = { minimum = 1, maximum = 5 }\n'
        '[ratings]\nfiles = [{ path = "r.csv" }]\nuser = "user"\nitem = "item"\nrating = "stars"\n'
        '[items]\nfiles = [{ path = "i.csv" }]\nid = "item"\nfields = [{ name = "tags", kind = "multi_valued" }]\n'
    )
    (tmp_path / "r.csv").write_text("user,item,stars\n" + "".join(f"u{user},01,4\n" for user in range(30)))
    (tmp_path / "i.csv").write_text("item,tags\n1,\n")

    run = coldstart("data", "check", "--data", tmp_path)

    assert run.code == 2
    assert "30 ratings" in run.out
    for said in ("nothing is left to train on", "differ in leading zeros", "item attribute tags has no values"):
        assert said in run.err
